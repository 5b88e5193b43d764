//! A made-up cluster that makes believable events.
