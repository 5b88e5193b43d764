//! The sinks of this crate: which feature brings which module, and their registration. Features are asked for here only.

#[cfg(any(feature = "dingtalk", feature = "wechat"))]
#[path = "chat/mod.rs"]
pub(crate) mod chat;
#[cfg(feature = "dingtalk")]
#[path = "dingtalk/mod.rs"]
pub mod dingtalk;
#[path = "each/mod.rs"]
pub(crate) mod each;
#[cfg(feature = "file")]
#[path = "file/mod.rs"]
pub mod file;
#[cfg(feature = "http-client")]
#[path = "http/mod.rs"]
pub(crate) mod http;
#[cfg(feature = "influxdb")]
#[path = "influxdb/mod.rs"]
pub mod influxdb;
#[cfg(feature = "kafka")]
#[path = "kafka/mod.rs"]
pub mod kafka;
#[cfg(any(feature = "dingtalk", feature = "influxdb", feature = "kafka", feature = "wechat"))]
#[path = "kube_eventer/mod.rs"]
pub(crate) mod kube_eventer;
#[cfg(any(feature = "file", feature = "kafka", feature = "log", feature = "webhook"))]
#[path = "layout/mod.rs"]
pub(crate) mod layout;
#[cfg(any(feature = "file", feature = "log"))]
#[path = "line/mod.rs"]
pub(crate) mod line;
#[cfg(feature = "log")]
#[path = "log/mod.rs"]
pub mod log;
#[cfg(feature = "slack")]
#[path = "slack/mod.rs"]
pub mod slack;
#[cfg(feature = "template")]
#[path = "template/mod.rs"]
pub(crate) mod template;
#[cfg(feature = "webhook")]
#[path = "webhook/mod.rs"]
pub mod webhook;
#[cfg(feature = "wechat")]
#[path = "wechat/mod.rs"]
pub mod wechat;

use eventer_core::Registry;

/// Adds every sink of this crate that its features bring to `registry`.
pub fn register_all(registry: &mut Registry) {
    // Without any feature there is nothing to add.
    let _ = &registry;
    #[cfg(feature = "dingtalk")]
    registry.register_sink::<dingtalk::DingtalkConfig>();
    #[cfg(feature = "file")]
    registry.register_sink::<file::FileConfig>();
    #[cfg(feature = "influxdb")]
    registry.register_sink::<influxdb::InfluxdbConfig>();
    #[cfg(feature = "kafka")]
    registry.register_sink::<kafka::KafkaConfig>();
    #[cfg(feature = "log")]
    registry.register_sink::<log::LogConfig>();
    #[cfg(feature = "slack")]
    registry.register_sink::<slack::SlackConfig>();
    #[cfg(feature = "webhook")]
    registry.register_sink::<webhook::WebhookConfig>();
    #[cfg(feature = "wechat")]
    registry.register_sink::<wechat::WechatConfig>();
}
