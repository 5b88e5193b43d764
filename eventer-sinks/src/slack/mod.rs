//! `slack:URL` tells a Slack channel of each event.
