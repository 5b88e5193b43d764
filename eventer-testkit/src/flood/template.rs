//! The bytes of flood events: prepared texts in which a few numbers of fixed width are patched.
//!
//! A text stands for one namespace and one reason; event `n` uses text `n % 64`. Within a namespace names
//! sort as the numbers do, so that a list can be generated in key order.

use super::BASE;

/// The namespaces of flood events, in key order. Event `n` is in number `n % 8`.
pub(crate) const NAMESPACES: [&str; 8] =
    ["batch-jobs", "checkout", "default", "kube-system", "monitoring", "payments", "search", "shop"];
/// What is before a pod's number in its name.
const POD: &str = "load-generator-7d4b9c6f58-";
/// Events of one namespace that are about the same pod.
const EVENTS_PER_POD: u64 = 4;

/// What stands for a number in a text, and how wide it is: a letter that occurs nowhere else in such a run.
const HOLES: [(&str, Hole); 6] = [
    ("PPPPPPPP", Hole::Pod),
    ("NNNNNNNNNNNNNNNN", Hole::Number),
    ("RRRRRRRRRR", Hole::Version),
    ("TT:TT:TT", Hole::Time),
    ("UUUUUUUUUUUU", Hole::Uid),
    ("VVVVVVVVVVVV", Hole::PodUid),
];

const REASONS: [(&str, &str, &str); 8] = [
    ("Pulling", "Normal", "Pulling image \\\"registry.example.com/load/generator:2026.11.20-PPPPPPPP\\\""),
    (
        "Pulled",
        "Normal",
        "Successfully pulled image \\\"registry.example.com/load/generator:2026.11.20\\\" in 401ms (401ms including waiting). Image size: 157791041 bytes.",
    ),
    ("Created", "Normal", "Container created"),
    ("Started", "Normal", "Container started"),
    (
        "Unhealthy",
        "Warning",
        "Readiness probe failed: Get \\\"http://10.0.12.7:8080/healthz\\\": dial tcp 10.0.12.7:8080: connect: connection refused",
    ),
    (
        "BackOff",
        "Warning",
        "Back-off restarting failed container generator in pod load-generator-7d4b9c6f58-PPPPPPPP_load(5b936261-64a5-46cc-8de0-VVVVVVVVVVVV)",
    ),
    ("Killing", "Normal", "Stopping container generator"),
    (
        "FailedMount",
        "Warning",
        "MountVolume.SetUp failed for volume \\\"config\\\" : configmap \\\"load-generator\\\" not found",
    ),
];

#[derive(Clone, Copy, Debug)]
enum Hole {
    Pod,
    Number,
    Version,
    Time,
    Uid,
    PodUid,
}

/// A text and where its holes are.
#[derive(Debug)]
struct Template {
    text: Vec<u8>,
    holes: Vec<(usize, Hole)>,
}

/// The texts in the three forms they are sent in.
#[derive(Debug)]
pub(crate) struct Templates {
    items: Vec<Template>,
    objects: Vec<Template>,
    chunks: Vec<Template>,
}

impl Templates {
    pub(crate) fn new() -> Self {
        let variants = REASONS.len() * NAMESPACES.len();
        let item = |at: usize| item(NAMESPACES[at % NAMESPACES.len()], REASONS[at / NAMESPACES.len()]);
        let object = |at: usize| format!(r#"{{"kind":"Event","apiVersion":"v1",{}"#, &item(at)[1..]);
        let chunk = |at: usize| {
            let line = format!("{{\"type\":\"ADDED\",\"object\":{}}}\n", object(at));
            format!("{:x}\r\n{line}\r\n", line.len())
        };
        Self {
            items: (0..variants).map(|at| Template::new(item(at))).collect(),
            objects: (0..variants).map(|at| Template::new(object(at))).collect(),
            chunks: (0..variants).map(|at| Template::new(chunk(at))).collect(),
        }
    }

    /// Appends event `n` as an item of a list.
    pub(crate) fn put_item(&self, n: u64, out: &mut Vec<u8>) {
        put(&self.items, n, out);
    }

    /// Appends event `n` with `kind` and `apiVersion`.
    pub(crate) fn put_object(&self, n: u64, out: &mut Vec<u8>) {
        put(&self.objects, n, out);
    }

    /// Appends event `n` as an ADDED line in a chunk of its own.
    pub(crate) fn put_chunk(&self, n: u64, out: &mut Vec<u8>) {
        put(&self.chunks, n, out);
    }
}

/// The namespace of event `n`, as an index of [`NAMESPACES`].
pub(crate) fn namespace(n: u64) -> usize {
    (n % NAMESPACES.len() as u64) as usize
}

/// The name of event `n`.
pub(crate) fn name(n: u64) -> String {
    format!("{POD}{:08x}.{n:016x}", pod(n))
}

/// The number in a name that [`name`] made.
pub(crate) fn number(name: &str) -> Option<u64> {
    u64::from_str_radix(name.rsplit('.').next()?, 16).ok()
}

/// The number, within its namespace, of the pod that event `n` is about.
fn pod(n: u64) -> u64 {
    n / NAMESPACES.len() as u64 / EVENTS_PER_POD
}

impl Template {
    fn new(text: String) -> Self {
        let holes = HOLES
            .iter()
            .flat_map(|(mark, hole)| text.match_indices(mark).map(|(at, _)| (at, *hole)))
            .collect();
        Self { text: text.into_bytes(), holes }
    }
}

fn put(templates: &[Template], n: u64, out: &mut Vec<u8>) {
    let template = &templates[(n % templates.len() as u64) as usize];
    let start = out.len();
    out.extend_from_slice(&template.text);
    let number = hex::<16>(n);
    let pod_uid = hex::<12>((pod(n) << 4) | (n % NAMESPACES.len() as u64));
    let (version, time) = (decimal(BASE + n), time(n));
    for (at, hole) in &template.holes {
        let digits: &[u8] = match hole {
            Hole::Pod => &hex::<8>(pod(n)),
            Hole::Number => &number,
            Hole::Version => &version,
            Hole::Time => &time,
            Hole::Uid => &number[4..],
            Hole::PodUid => &pod_uid,
        };
        out[start + at..start + at + digits.len()].copy_from_slice(digits);
    }
}

fn hex<const WIDTH: usize>(mut number: u64) -> [u8; WIDTH] {
    let mut digits = [b'0'; WIDTH];
    for digit in digits.iter_mut().rev() {
        *digit = b"0123456789abcdef"[(number & 15) as usize];
        number >>= 4;
    }
    digits
}

fn decimal(mut number: u64) -> [u8; 10] {
    let mut digits = [b'0'; 10];
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
    digits
}

/// The time of day of event `n`: a thousand events share a second, as in a busy cluster.
fn time(n: u64) -> [u8; 8] {
    let seconds = n / 1000 % 86_400;
    let digit = |number: u64| b'0' + (number % 10) as u8;
    let (h, m, s) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    [digit(h / 10), digit(h), b':', digit(m / 10), digit(m), b':', digit(s / 10), digit(s)]
}

/// The text of an event as the kubelet writes it (recorded: `events-core-v1.jsonl`).
fn item(namespace: &str, (reason, kind, message): (&str, &str, &str)) -> String {
    let time = "2026-11-20TTT:TT:TTZ";
    format!(
        concat!(
            r#"{{"metadata":{{"name":"{pod}PPPPPPPP.NNNNNNNNNNNNNNNN","namespace":"{ns}","#,
            r#""uid":"2bc6d5f7-14ac-4a08-b088-UUUUUUUUUUUU","resourceVersion":"RRRRRRRRRR","#,
            r#""creationTimestamp":"{time}","managedFields":[{{"manager":"kubelet","operation":"Update","#,
            r#""apiVersion":"v1","time":"{time}","fieldsType":"FieldsV1","fieldsV1":{{"f:count":{{}},"#,
            r#""f:firstTimestamp":{{}},"f:involvedObject":{{}},"f:lastTimestamp":{{}},"f:message":{{}},"#,
            r#""f:reason":{{}},"f:reportingComponent":{{}},"f:reportingInstance":{{}},"#,
            r#""f:source":{{"f:component":{{}},"f:host":{{}}}},"f:type":{{}}}}}}]}},"#,
            r#""involvedObject":{{"kind":"Pod","namespace":"{ns}","name":"{pod}PPPPPPPP","#,
            r#""uid":"5b936261-64a5-46cc-8de0-VVVVVVVVVVVV","apiVersion":"v1","resourceVersion":"RRRRRRRRRR","#,
            r#""fieldPath":"spec.containers{{generator}}"}},"reason":"{reason}","message":"{message}","#,
            r#""source":{{"component":"kubelet","host":"node-pool-a-7f6c9"}},"firstTimestamp":"{time}","#,
            r#""lastTimestamp":"{time}","count":1,"type":"{kind}","eventTime":null,"#,
            r#""reportingComponent":"kubelet","reportingInstance":"node-pool-a-7f6c9"}}"#
        ),
        pod = POD,
        ns = namespace,
        time = time,
        reason = reason,
        message = message,
        kind = kind,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    #[test]
    fn every_form_of_an_event_is_json_without_holes() {
        let templates = Templates::new();
        for n in [0, 1, 63, 64, 999_999, 123_456_789] {
            let (mut item, mut object, mut chunk) = (Vec::new(), Vec::new(), Vec::new());
            templates.put_item(n, &mut item);
            templates.put_object(n, &mut object);
            templates.put_chunk(n, &mut chunk);
            let value: Value = serde_json::from_slice(&object).unwrap();
            assert_eq!(value["metadata"]["name"], name(n));
            assert_eq!(value["metadata"]["resourceVersion"], (BASE + n).to_string());
            assert_eq!(value["metadata"]["namespace"], NAMESPACES[namespace(n)]);
            assert_eq!(number(&name(n)), Some(n));
            for (mark, _) in HOLES {
                assert!(!String::from_utf8_lossy(&object).contains(mark), "{mark} is left");
            }
            let text = String::from_utf8(chunk).unwrap();
            let (length, rest) = text.split_once("\r\n").unwrap();
            let line = rest.strip_suffix("\r\n").unwrap();
            assert_eq!(usize::from_str_radix(length, 16).unwrap(), line.len());
            assert_eq!(
                line,
                format!("{{\"type\":\"ADDED\",\"object\":{}}}\n", String::from_utf8(object).unwrap())
            );
            assert!(line.len() > 1100 && line.len() < 1500, "{}", line.len());
        }
    }

    #[test]
    fn a_time_of_day_is_in_place() {
        assert_eq!(&time(1000 * (3600 * 23 + 59 * 60 + 8)), b"23:59:08");
    }
}
