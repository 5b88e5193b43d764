//! SIGTERM, SIGINT and SIGHUP, as they come.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// The signals that the program heeds. They are caught from the moment this exists.
#[derive(Debug)]
pub(crate) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    /// `None`: whoever started the program wants it to outlive the terminal (`nohup`).
    hangup: Option<Signal>,
}

/// A signal that came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Caught {
    /// SIGTERM.
    Terminate,
    /// SIGINT.
    Interrupt,
    /// SIGHUP: the terminal has gone, or the configuration is to be read again.
    Hangup,
}

impl Signals {
    /// Begins to catch the signals, SIGHUP only if it `heeds_hangup`. Needs a runtime.
    ///
    /// # Errors
    /// The operating system refuses it.
    pub(crate) fn catch(heeds_hangup: bool) -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: heeds_hangup.then(|| signal(SignalKind::hangup())).transpose()?,
        })
    }

    /// Waits for the next signal.
    ///
    /// # Cancellation
    /// Safe to cancel: no signal is lost.
    pub(crate) async fn next(&mut self) -> Caught {
        let hangup = async {
            match &mut self.hangup {
                Some(hangup) => hangup.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = hangup => Caught::Hangup,
            _ = self.terminate.recv() => Caught::Terminate,
            _ = self.interrupt.recv() => Caught::Interrupt,
        }
    }
}

impl Caught {
    /// Its name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Terminate => "SIGTERM",
            Self::Interrupt => "SIGINT",
            Self::Hangup => "SIGHUP",
        }
    }

    /// What a shell reports of a process that the signal has ended: 128 and the signal's number.
    pub(crate) fn exit_code(self) -> u8 {
        match self {
            Self::Terminate => 143,
            Self::Interrupt => 130,
            Self::Hangup => 129,
        }
    }
}
