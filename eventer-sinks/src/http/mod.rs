//! HTTP as every sink speaks it: the client ([`client`]), and what an answer means for the events ([`classify`]).

mod classify;
mod client;

pub(crate) use client::HttpClient;

#[cfg(test)]
mod tests;
