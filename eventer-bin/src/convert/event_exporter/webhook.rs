//! Webhooks: their URL and their headers, which may be secrets.

use super::fields::Fields;
use super::receivers::{Options, Receiver, Workshop};
use crate::convert::report::Weight;
use crate::convert::variables;
use crate::convert::yaml::Yaml;
use crate::document::Node;

/// The options of the sink.
pub(super) fn options(receiver: &Receiver<'_>, workshop: &mut Workshop<'_>) -> Options {
    let fields = receiver.fields(&["endpoint", "headers", "layout", "tls"], workshop);
    let mut options = Options::new();
    match fields.text("endpoint") {
        Some(url) if is_secret_url(url) => workshop.secret(&mut options, &receiver.name, "url", url),
        Some(url) => options.push(("endpoint".to_owned(), Yaml::text(url))),
        None => workshop.missing(&fields, "endpoint"),
    }
    options.push(("method".to_owned(), Yaml::text("POST")));
    headers(receiver, &fields, &mut options, workshop);
    tls(&fields, &mut options, workshop);
    options.push(("layout".to_owned(), workshop.layout(&fields)));
    options
}

fn headers(receiver: &Receiver<'_>, fields: &Fields<'_>, options: &mut Options, workshop: &mut Workshop<'_>) {
    let mut written: Vec<String> = Vec::new();
    let mut hidden: Vec<String> = Vec::new();
    for entry in fields.get("headers").and_then(Node::entries).unwrap_or_default() {
        let (name, place) = (&entry.key, fields.place_of(&format!("headers.{}", entry.key)));
        let Some(value) = entry.node.text() else { continue };
        if value.contains("{{") {
            let text = "the value of a header cannot be a template here; the header is left out";
            workshop.report.add(Weight::Lost, entry.line, place, text);
            continue;
        }
        let bearer = value.strip_prefix("Bearer ").map(str::trim).filter(|token| !token.is_empty());
        match bearer.filter(|_| name.eq_ignore_ascii_case("authorization")) {
            Some(token) => workshop.secret(options, &receiver.name, "bearer_token", token),
            None if is_secret_header(name) && !variables::has_any(value) => {
                hidden.push(format!("{name}={value}"));
            }
            None => written.push(format!("{name}={value}")),
        }
        if name.eq_ignore_ascii_case("content-type") {
            let text = "the tool sent its own Content-Type beside this one; here this one is sent alone";
            workshop.report.add(Weight::Know, entry.line, place, text);
        }
    }
    if !written.is_empty() {
        options.push(("header".to_owned(), Yaml::texts(written)));
    }
    if !hidden.is_empty() {
        workshop.secret(options, &receiver.name, "header", &hidden.join("\n"));
    }
}

/// The shared options for TLS.
fn tls(fields: &Fields<'_>, options: &mut Options, workshop: &mut Workshop<'_>) {
    const KEYS: &[&str] = &["insecureSkipVerify", "serverName", "caFile", "certFile", "keyFile"];
    let Some(tls) = fields.section("tls", KEYS, workshop.report) else { return };
    let is_insecure = workshop.is_on(&tls, "insecureSkipVerify");
    if tls.text("serverName").is_some() {
        let text = "the name in a certificate cannot be given; it must be that of the URL";
        workshop.report.add(Weight::Lost, tls.line_of("serverName"), tls.place_of("serverName"), text);
    }
    for (key, option) in [("caFile", "ca_file"), ("certFile", "cert_file"), ("keyFile", "key_file")] {
        if is_insecure && key == "caFile" {
            continue;
        }
        workshop.file(options, option, &tls, key);
    }
    if is_insecure {
        options.push(("insecure".to_owned(), Yaml::plain(true)));
    }
}

/// Whether a URL is a credential by itself, as those of chat services are, or holds one.
fn is_secret_url(url: &str) -> bool {
    const HOSTS: [&str; 12] = [
        "hooks.slack.com",
        "discord.com/api/webhooks",
        "discordapp.com/api/webhooks",
        "webhook.office.com",
        "logic.azure.com",
        "powerplatform.com",
        "chat.googleapis.com",
        "oapi.dingtalk.com",
        "qyapi.weixin.qq.com",
        "open.feishu.cn",
        "open.larksuite.com",
        "api.telegram.org/bot",
    ];
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    let query = url.split_once('?').map_or("", |(_, query)| query);
    let has_secret_option = query.split('&').any(|pair| {
        let name = pair.split('=').next().unwrap_or_default();
        is_secret_header(name) || name.eq_ignore_ascii_case("sig")
    });
    !variables::has_any(url)
        && (HOSTS.iter().any(|host| rest.contains(host)) || authority.contains('@') || has_secret_option)
}

/// Whether a header of this name mostly holds a credential.
fn is_secret_header(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["auth", "token", "secret", "key", "password", "cookie", "credential", "signature"]
        .iter()
        .any(|word| name.contains(word))
}
