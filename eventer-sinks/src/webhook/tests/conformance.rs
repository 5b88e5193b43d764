//! The conformance kit, for each way in which a webhook can be used.

use eventer_core::testing::conformance::{Subject, check};
use eventer_testkit::FakeDestination;
use tempfile::TempDir;

use crate::http::tests::Receiver;
use crate::webhook::WebhookConfig;

async fn conforms(options: &str, secrets: &[&str]) {
    let destination = Receiver(FakeDestination::start().await);
    check(&Subject {
        register: |registry| _ = registry.register_sink::<WebhookConfig>(),
        uri: format!("webhook:{}{options}", destination.0.url()),
        secrets: secrets.iter().map(|secret| (*secret).to_owned()).collect(),
        destination: &destination,
        open: None,
    })
    .await;
}

#[tokio::test]
async fn it_conforms() {
    conforms(
        "/path-secret?token=query-secret&header=Authorization=Bearer%20header-secret",
        &["path-secret", "query-secret", "header-secret"],
    )
    .await;
}

#[tokio::test]
async fn it_conforms_with_a_batch_in_an_array_and_a_bearer_token() {
    let options = "/path-secret?batch=array&bearer_token=bearer-secret&header=X-Key=header-secret";
    conforms(options, &["path-secret", "bearer-secret", "header-secret"]).await;
}

#[tokio::test]
async fn it_conforms_with_a_batch_in_lines_and_basic_authentication() {
    // me:basic-secret
    let secrets = ["basic-secret", "bWU6YmFzaWMtc2VjcmV0"];
    conforms("/in?batch=ndjson&basic_user=me&basic_password=basic-secret&method=POST", &secrets).await;
}

#[tokio::test]
async fn it_conforms_with_templates_and_secrets_in_files() {
    let folder = TempDir::new().unwrap();
    let destination = Receiver(FakeDestination::start().await);
    let file = |name: &str, content: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        path.display().to_string()
    };
    let url = file("url", &format!("{}/path-secret?key=query-secret\n", destination.0.url()));
    let headers = file("headers", "X-Key=header-secret\n\nX-Other=other-secret\n");
    let token = file("token", "bearer-secret\n");
    let template = file("body.tmpl", r#"{"type": "{{ .Type }}", "text": "{{ .Message }}"}"#);
    for batch in ["single", "array", "ndjson"] {
        destination.0.clear();
        let options = format!("header_file={headers}&bearer_token_file={token}&template_file={template}");
        check(&Subject {
            register: |registry| _ = registry.register_sink::<WebhookConfig>(),
            uri: format!("webhook:?url_file={url}&{options}&batch={batch}"),
            secrets: ["path-secret", "query-secret", "header-secret", "other-secret", "bearer-secret"]
                .map(str::to_owned)
                .into(),
            destination: &destination,
            open: None,
        })
        .await;
    }
}

#[tokio::test]
async fn it_conforms_with_layouts() {
    let layout = r#"layout={"type": "{{ .Type }}", "text": "{{ .Message }}"}"#;
    for batch in ["single", "array", "ndjson"] {
        conforms(&format!("/path-secret?{layout}&batch={batch}"), &["path-secret"]).await;
    }
}

#[tokio::test]
async fn it_conforms_with_a_template_that_gives_text() {
    conforms("/path-secret?template={{ .Type }}: {{ .Message }}", &["path-secret"]).await;
}
