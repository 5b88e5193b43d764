//! How batches lie in the broker's files, which is how the producer packed them: the broker stores them as they came.
//!
//! <https://kafka.apache.org/documentation/#recordbatch>

use std::fs;
use std::io;
use std::path::Path;

/// How the records of a batch are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Codec {
    None,
    Gzip,
    Snappy,
    Lz4,
    Zstd,
}

/// The head of a stored batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoredBatch {
    /// How its records are compressed.
    pub codec: Codec,
    /// Of an idempotent producer; else -1.
    pub producer_id: i64,
    /// How many records it has.
    pub records: i32,
}

/// Of base offset, batch length, leader epoch, magic and checksum.
const ATTRIBUTES: usize = 8 + 4 + 4 + 1 + 4;
/// And of attributes, last offset delta and two timestamps.
const PRODUCER_ID: usize = ATTRIBUTES + 2 + 4 + 8 + 8;
/// And of the producer's id, epoch and first sequence.
const RECORDS: usize = PRODUCER_ID + 8 + 2 + 4;

/// The batches of a topic's partitions in a data directory.
pub(super) fn batches(data: &Path, topic: &str) -> io::Result<Vec<StoredBatch>> {
    let mut batches = Vec::new();
    for partition in fs::read_dir(data)? {
        let partition = partition?;
        let name = partition.file_name();
        let is_of_topic =
            name.to_str().and_then(|name| name.rsplit_once('-')).is_some_and(|(name, _)| name == topic);
        if !is_of_topic {
            continue;
        }
        for file in fs::read_dir(partition.path())? {
            let path = file?.path();
            if path.extension().is_some_and(|extension| extension == "log") {
                read(&fs::read(path)?, &mut batches);
            }
        }
    }
    Ok(batches)
}

fn read(mut segment: &[u8], batches: &mut Vec<StoredBatch>) {
    while let Some(batch) = StoredBatch::read(segment) {
        batches.push(batch);
        let length = u32::from_be_bytes(field(segment, 8).expect("the head is there"));
        segment = segment.get(12 + length as usize..).unwrap_or_default();
    }
}

impl StoredBatch {
    fn read(batch: &[u8]) -> Option<Self> {
        let records = i32::from_be_bytes(field(batch, RECORDS)?);
        let codec = match i16::from_be_bytes(field(batch, ATTRIBUTES)?) & 0b111 {
            0 => Codec::None,
            1 => Codec::Gzip,
            2 => Codec::Snappy,
            3 => Codec::Lz4,
            4 => Codec::Zstd,
            other => panic!("no such codec: {other}"),
        };
        // A file that is written ahead ends with zeros.
        (records > 0).then_some(())?;
        Some(Self { codec, producer_id: i64::from_be_bytes(field(batch, PRODUCER_ID)?), records })
    }
}

fn field<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at + N)?.try_into().ok()
}
