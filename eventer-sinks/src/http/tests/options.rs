//! The options that every sink over HTTP takes, and what they do: files, and a proxy.

use std::path::Path;

use eventer_core::{
    ComponentSpec, ComponentUri, ConfigError, EndpointSpec, ExportErrorKind, SecretSource, SinkContext,
    UriReader, report,
};
use eventer_testkit::{FakeDestination, Reply};
use rcgen::generate_simple_self_signed;
use reqwest::{Method, Url};
use tempfile::TempDir;

use super::super::tls::{check_certificates, check_key};
use super::super::{
    CA_FILE, CERT_FILE, HttpClient, INSECURE, KEY_FILE, PROXY, Transport, URL_FILE, UrlSource, take_url,
};

const SPEC: ComponentSpec = ComponentSpec {
    kind: "hook",
    summary: "",
    endpoint: EndpointSpec::Url("URL"),
    options: &[URL_FILE, CA_FILE, CERT_FILE, KEY_FILE, INSECURE, PROXY],
    example: "",
};

/// The transport and the URL of `uri`, and all that is wrong with it.
fn read(uri: &str) -> (Transport, Result<UrlSource, ConfigError>, Vec<String>) {
    let uri = ComponentUri::parse("--sink", uri, &()).unwrap();
    let mut reader = UriReader::new("--sink", &uri, &SPEC, &[]);
    let transport = Transport::take(&mut reader);
    let url = take_url(&mut reader);
    let errors = reader.finish().iter().chain(url.as_ref().err()).map(ToString::to_string).collect();
    (transport, url, errors)
}

fn mistakes(uri: &str) -> String {
    read(uri).2.join("\n")
}

async fn url_in(path: &Path) -> Result<Url, String> {
    let url = UrlSource::File(path.to_owned()).read().await;
    url.map(|url| url.expose().clone()).map_err(|error| {
        assert_eq!(error.kind(), ExportErrorKind::Unavailable);
        format!("{} {error:?}", report(&error))
    })
}

#[test]
fn options_that_do_not_go_together_are_told() {
    assert_eq!(mistakes("hook:http://h/?ca_file=/a&cert_file=/b&key_file=/c"), "");
    for (uri, says) in [
        ("hook:http://h/?cert_file=/b", "option \"cert_file\": it needs key_file="),
        ("hook:http://h/?key_file=/c", "option \"key_file\": it needs cert_file="),
        ("hook:http://h/?ca_file=/a&insecure=true", "option \"insecure\": it trusts anybody"),
        ("hook:http://h/?url_file=/u", "stands here and in url_file="),
        ("hook:?url_file=/u&room=ops", "a query of its own belongs into the file"),
        ("hook:", "a file that url_file= names"),
    ] {
        let mistakes = mistakes(uri);
        assert!(mistakes.contains(says), "{uri}: {mistakes}");
    }
}

#[test]
fn a_proxy_is_a_url_that_is_not_shown() {
    for wrong in ["hunter2:3128", "ftp://hunter2:3128", "http://", "http://[hunter2"] {
        let mistakes = mistakes(&format!("hook:http://h/?proxy={wrong}"));
        assert!(mistakes.contains("option \"proxy\"") && !mistakes.contains("hunter2"), "{mistakes}");
    }
    let (transport, _, errors) = read("hook:http://h/?proxy=http://me:hunter2@proxy:3128");
    assert_eq!(errors, [""; 0]);
    assert!(!format!("{transport:?}").contains("hunter2"));
}

#[test]
fn files_are_checked_for_what_they_ought_to_hold() {
    let pair = generate_simple_self_signed(["h".to_owned()]).unwrap();
    let (cert, key) = (pair.cert.pem(), pair.signing_key.serialize_pem());
    assert_eq!((check_certificates(cert.as_bytes()), check_key(key.as_bytes())), (Ok(()), Ok(())));
    assert_eq!(check_certificates(format!("{cert}{cert}").as_bytes()), Ok(()));
    let broken = "-----BEGIN CERTIFICATE-----\nMII?\n-----END CERTIFICATE-----\n";
    let shallow = "-----BEGIN CERTIFICATE-----\naGVsbG8=\n-----END CERTIFICATE-----\n";
    for wrong in ["", "hello", &key, broken, shallow] {
        assert!(check_certificates(wrong.as_bytes()).is_err(), "{wrong}");
    }
    for wrong in ["", "hello", &cert, &key[..key.len() / 2]] {
        assert!(check_key(wrong.as_bytes()).is_err(), "{wrong}");
    }
}

#[tokio::test]
async fn a_url_in_a_file_is_read_for_each_request() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("url");
    for text in ["https://a.example.com/hook?level=7", "http://b.example.com/x"] {
        std::fs::write(&path, format!("{text}\n")).unwrap();
        assert_eq!(url_in(&path).await.unwrap().as_str(), text);
    }
    for wrong in
        ["", "\n", "hunter2", "ftp://hunter2/", "https://h/hunter2#x", "https://a/hunter2\nhttps://b/"]
    {
        std::fs::write(&path, wrong).unwrap();
        match url_in(&path).await {
            Err(error) => assert!(error.contains("url") && !error.contains("hunter2"), "{error}"),
            Ok(_) => panic!("{wrong} was taken"),
        }
    }
    std::fs::remove_file(&path).unwrap();
    assert!(url_in(&path).await.unwrap_err().contains("No such file"));
}

#[tokio::test]
async fn a_proxy_that_is_given_gets_all_requests_with_our_name_and_password() {
    let proxy = FakeDestination::start().await;
    let url = proxy.url().replace("http://", "http://me:hunter2%2B@");
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("proxy");
    std::fs::write(&path, format!("{url}\n")).unwrap();
    let (transport, _, _) = read(&format!("hook:http://h/?proxy_file={}", path.display()));
    let client = HttpClient::open(&transport, &SinkContext::new("test")).await.unwrap();
    let post = async |url: &str| {
        let request = client.request(Method::POST, url.parse().unwrap()).body("event");
        client.send(request, &[]).await
    };
    // It gets the event of what is not encrypted, and for the rest it is asked for a way through.
    post("http://events.example.com/hook").await.unwrap();
    post("http://127.0.0.1:1/local").await.unwrap();
    proxy.set_default(Reply::status(502));
    post("https://events.example.com/hook").await.unwrap_err();
    let requests = proxy.requests();
    let seen: Vec<_> = requests.iter().map(|r| (r.method.as_str(), r.path.as_str())).collect();
    assert_eq!(
        seen,
        [
            ("POST", "http://events.example.com/hook"),
            ("POST", "http://127.0.0.1:1/local"),
            ("CONNECT", "events.example.com:443")
        ]
    );
    for request in &requests {
        // me:hunter2+
        assert_eq!(request.header("proxy-authorization"), Some("Basic bWU6aHVudGVyMis="));
    }
}

#[test]
fn a_secret_of_the_proxy_may_stand_in_a_file() {
    let (transport, _, errors) = read("hook:http://h/?proxy_file=/run/secrets/proxy");
    assert_eq!(errors, [""; 0]);
    let file = SecretSource::File("/run/secrets/proxy".into());
    assert_eq!(transport.proxy.as_ref(), Some(&file));
}
