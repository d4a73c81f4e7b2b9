//! Where credentials are found, how tokens are made of each kind, and when they are renewed.

use std::path::Path;

use mixer_adapter_sdk::delivery::http::HttpOptions;
use mixer_testkit::FakeGoogle;
use serde_json::json;
use tokio::time::{advance, pause, resume};

use super::*;

const AUDIENCE: &str = "https://monitoring.googleapis.com/";

async fn find(
    choice: &CredentialChoice,
    signed: bool,
    variables: &[(&str, &str)],
) -> Result<Tokens, TokenError> {
    let environment = Environment::of(variables.iter().copied());
    let client = HttpClient::new(&HttpOptions::default()).unwrap();
    let metadata = MetadataServer::new(&environment).unwrap();
    Tokens::find(choice, signed, &environment, (client, metadata)).await
}

async fn of_file(path: &Path) -> Result<Tokens, TokenError> {
    find(&CredentialChoice::File(path.to_owned()), false, &[("NO_GCE_CHECK", "true")]).await
}

async fn token(tokens: &Tokens) -> Result<String, String> {
    let header = tokens.header(AUDIENCE).await.map_err(|error| error.to_string())?;
    assert!(header.is_sensitive());
    Ok(header.to_str().unwrap().to_owned())
}

#[tokio::test]
async fn credentials_are_found_in_the_documented_order() {
    let fake = FakeGoogle::start("p").await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("home");
    let gcloud = home.join(".config/gcloud");
    let named = folder.path().join("named.json");
    let chosen = folder.path().join("chosen.json");
    std::fs::create_dir_all(&gcloud).unwrap();
    let well_known = gcloud.join("application_default_credentials.json");
    let (home, host) = (home.to_str().unwrap(), fake.host());
    let variables = [
        ("GOOGLE_APPLICATION_CREDENTIALS", named.to_str().unwrap()),
        ("HOME", home),
        ("GCE_METADATA_HOST", &host),
    ];
    let describe = async |choice: &CredentialChoice, variables: &[(&str, &str)]| {
        find(choice, false, variables).await.map_or_else(|error| error.to_string(), |found| found.describe())
    };
    let default = CredentialChoice::Default;
    assert_eq!(describe(&default, &variables[1..]).await, "the metadata server");
    std::fs::write(&well_known, fake.authorized_user()).unwrap();
    assert_eq!(describe(&default, &variables[1..]).await, well_known.display().to_string());
    let elsewhere = [("CLOUDSDK_CONFIG", folder.path().to_str().unwrap()), ("HOME", home)];
    assert_eq!(describe(&default, &elsewhere).await, "the metadata server");
    // A file that is named and missing is an error, and no reason to be somebody else.
    assert!(describe(&default, &variables).await.contains("named.json cannot be read"));
    std::fs::write(&named, fake.service_account("key-1")).unwrap();
    assert_eq!(describe(&default, &variables).await, named.display().to_string());
    let choice = CredentialChoice::File(chosen.clone());
    assert_eq!(describe(&choice, &variables).await, named.display().to_string());
    std::fs::write(&chosen, fake.service_account("key-2")).unwrap();
    assert_eq!(describe(&choice, &variables).await, chosen.display().to_string());
}

#[tokio::test]
async fn every_kind_of_credentials_makes_tokens() {
    let fake = FakeGoogle::start("p").await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (file, word) = (folder.path().join("file.json"), folder.path().join("word"));
    std::fs::write(&word, "subject-token\n").unwrap();
    let of_word = json!({"file": word});
    let url = format!("{}/subject", fake.endpoint());
    let of_url = json!({
        "url": url, "headers": {"x-subject": "yes"},
        "format": {"type": "json", "subject_token_field_name": "id_token"},
    });
    let cases = [
        fake.service_account("key-1"),
        fake.service_account("key-2"),
        fake.authorized_user(),
        fake.external_account(&of_word, false),
        fake.external_account(&of_url, false),
        fake.external_account(&of_word, true),
    ];
    for case in cases {
        std::fs::write(&file, &case).unwrap();
        let tokens = of_file(&file).await.unwrap();
        let made = token(&tokens).await.unwrap();
        assert!(made.starts_with("Bearer token-"), "{case}: {made}");
        assert_eq!(token(&tokens).await.unwrap(), made, "it is kept");
    }
    let host = fake.host();
    let tokens = find(&CredentialChoice::Default, false, &[("GCE_METADATA_HOST", &host)]).await.unwrap();
    assert!(token(&tokens).await.unwrap().starts_with("Bearer token-"));
    std::fs::write(&file, fake.service_account("key-1")).unwrap();
    let tokens = find(&CredentialChoice::File(file), true, &[]).await.unwrap();
    let before = fake.seen().answers.len();
    let signed = token(&tokens).await.unwrap();
    assert_eq!(signed.split('.').count(), 3, "a JWT");
    assert_ne!(tokens.header("https://logging.googleapis.com/").await.unwrap().to_str().unwrap(), signed);
    assert_eq!(fake.seen().answers.len(), before, "nobody was asked");
}

#[tokio::test]
async fn what_cannot_be_used_is_said_without_secrets() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file.json");
    let account = |uri: &str, key: &str| {
        json!({"type": "service_account", "client_email": "e", "private_key": key, "token_uri": uri})
            .to_string()
    };
    let external = |source: serde_json::Value| {
        json!({
            "type": "external_account", "audience": "a", "subject_token_type": "t",
            "token_url": "https://sts.googleapis.com/v1/token", "credential_source": source,
        })
        .to_string()
    };
    let cases = [
        ("S3CRET".to_owned(), "no file of credentials"),
        (json!({"type": "S3CRET-kind"}).to_string(), "are not possible"),
        (json!({"type": "service_account", "private_key": "S3CRET"}).to_string(), "client_email"),
        (json!({"type": "authorized_user", "client_secret": 7, "refresh_token": "S3CRET"}).to_string(), "not the expected JSON"),
        (external(json!({"environment_id": "aws1"})), "environment_id (AWS) is not possible"),
        (external(json!({"executable": {"command": "S3CRET"}})), "executable is not possible"),
        (external(json!({})), "either file or url"),
        (external(json!({"file": "/nonexistent/word"})), "cannot be read"),
        (account("https://oauth2.googleapis.com/token", "S3CRET"), "no key in PEM form"),
        (account("http://example.com/token", "S3CRET"), "no key in PEM form"),
        (json!({"type": "authorized_user", "client_id": "i", "client_secret": "S3CRET", "refresh_token": "S3CRET", "token_uri": "http://example.com/t"}).to_string(), "token_uri is not https"),
    ];
    for (content, wanted) in cases {
        std::fs::write(&file, &content).unwrap();
        let error = match of_file(&file).await {
            Ok(tokens) => token(&tokens).await.unwrap_err(),
            Err(error) => error.to_string(),
        };
        assert!(error.contains(wanted), "{content}: {error}");
        let shown = error.replace("S3CRET-kind", "");
        assert!(!shown.contains("S3CRET"), "{error}");
    }
}

#[tokio::test]
async fn a_token_is_renewed_before_it_ends_by_one_of_many() {
    let fake = FakeGoogle::start("p").await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file.json");
    std::fs::write(&file, fake.service_account("key-1")).unwrap();
    let tokens = Arc::new(of_file(&file).await.unwrap());
    let all: Vec<_> = (0..20)
        .map(|_| {
            tokio::spawn({
                let tokens = tokens.clone();
                async move { token(&tokens).await }
            })
        })
        .collect();
    for one in all {
        assert_eq!(one.await.unwrap().as_deref(), Ok("Bearer token-1"));
    }
    assert_eq!(fake.seen().answers_of("/token"), 1);
    assert!(!format!("{tokens:?}").contains("token-1") && !format!("{tokens:?}").contains("PRIVATE"));
    let after = async |seconds: u64| {
        pause();
        advance(Duration::from_secs(seconds)).await;
        resume();
        token(&tokens).await
    };
    assert_eq!(after(3300).await.as_deref(), Ok("Bearer token-1"));
    // 225 seconds before the end.
    assert_eq!(after(80).await.as_deref(), Ok("Bearer token-2"));
    // When nobody gives a new one the old one serves until its end.
    fake.script_tokens([503, 503]);
    assert_eq!(after(3400).await.as_deref(), Ok("Bearer token-2"));
    let error = after(300).await.unwrap_err();
    assert!(error.contains("503") && error.contains("temporarily_unavailable"), "{error}");
    let asked = fake.seen().answers_of("/token");
    assert_eq!(token(&tokens).await.unwrap_err(), error, "nobody is asked again at once");
    assert_eq!(fake.seen().answers_of("/token"), asked);
    assert_eq!(after(2).await.as_deref(), Ok("Bearer token-3"));
}

#[tokio::test]
async fn a_file_that_is_replaced_is_used() {
    let fake = FakeGoogle::start("p").await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file.json");
    std::fs::write(&file, fake.service_account("key-1")).unwrap();
    let tokens = of_file(&file).await.unwrap();
    assert_eq!(token(&tokens).await.as_deref(), Ok("Bearer token-1"));
    std::fs::write(&file, fake.service_account("key-2")).unwrap();
    pause();
    advance(FILE_CHECK).await;
    resume();
    assert_eq!(token(&tokens).await.as_deref(), Ok("Bearer token-2"));
    // A token that an API refuses is not used again, and the key that was revoked neither.
    let header = tokens.header(AUDIENCE).await.unwrap();
    fake.revoke("key-2");
    tokens.refused(AUDIENCE, &header);
    assert!(token(&tokens).await.unwrap_err().contains("invalid_grant"));
    std::fs::write(&file, fake.service_account("key-1")).unwrap();
    pause();
    advance(PAUSE).await;
    resume();
    assert_eq!(token(&tokens).await.as_deref(), Ok("Bearer token-3"));
}
