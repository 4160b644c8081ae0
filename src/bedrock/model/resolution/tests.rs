use proptest::prelude::*;

use super::*;

const HAIKU: &str = "arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-3-haiku-20240307-v1:0";
const TITAN: &str = "arn:aws:bedrock:us-east-1::foundation-model/amazon.titan-text-express-v1";
const CUSTOM: &str =
    "arn:aws:bedrock:us-east-1:111122223333:custom-model/amazon.titan-text-express-v1/abcdef123456";

fn own(resource: &str) -> ModelReference {
    let label = if resource.contains('/') {
        format!("arn:aws:bedrock:us-east-1:111122223333:{resource}")
    } else {
        resource.to_owned()
    };
    ModelReference::parse(&label).unwrap()
}

/// `operation path` of each question.
fn questions(reference: &ModelReference) -> Vec<String> {
    let all = Lookup::all(reference).unwrap();
    all.iter().map(|lookup| format!("{} {}", lookup.operation(), lookup.path())).collect()
}

/// What the only question about `reference` finds in `body`: ids of the models, then the architecture.
fn found(reference: &ModelReference, body: &str) -> Result<Vec<String>, ResolutionError> {
    let lookups = Lookup::all(reference).unwrap();
    let found = lookups[0].read(body.as_bytes())?;
    let models = found.models().iter().map(|model| model.raw().to_owned());
    Ok(models.chain(found.architecture.clone()).collect())
}

#[test]
fn every_kind_is_asked_about_at_its_own_place() {
    const ACCOUNT: &str = "arn%3Aaws%3Abedrock%3Aus-east-1%3A111122223333%3A";
    let at = |operation: &str, collection: &str, name: &str| format!("{operation} {collection}{name}");
    let table = [
        (
            own("application-inference-profile/abcdef123456"),
            vec![at(
                "GetInferenceProfile",
                "/inference-profiles/",
                &format!("{ACCOUNT}application-inference-profile%2Fabcdef123456"),
            )],
        ),
        (
            own("provisioned-model/abcdef123456"),
            vec![at(
                "GetProvisionedModelThroughput",
                "/provisioned-model-throughput/",
                &format!("{ACCOUNT}provisioned-model%2Fabcdef123456"),
            )],
        ),
        (
            own("custom-model/amazon.titan-text-express-v1:0:8k/abcdef123456"),
            vec![at(
                "GetCustomModel",
                "/custom-models/",
                &format!("{ACCOUNT}custom-model%2Famazon.titan-text-express-v1%3A0%3A8k%2Fabcdef123456"),
            )],
        ),
        (
            own("custom-model/imported/abcdef123456"),
            vec![at(
                "GetCustomModel",
                "/custom-models/",
                &format!("{ACCOUNT}custom-model%2Fimported%2Fabcdef123456"),
            )],
        ),
        (
            own("custom-model-deployment/abcdef123456"),
            vec![at(
                "GetCustomModelDeployment",
                "/model-customization/custom-model-deployments/",
                &format!("{ACCOUNT}custom-model-deployment%2Fabcdef123456"),
            )],
        ),
        (
            own("imported-model/abcdef123456"),
            vec![at(
                "GetImportedModel",
                "/imported-models/",
                &format!("{ACCOUNT}imported-model%2Fabcdef123456"),
            )],
        ),
        (
            own("default-prompt-router/anthropic.claude:1"),
            vec![at(
                "GetPromptRouter",
                "/prompt-routers/",
                &format!("{ACCOUNT}default-prompt-router%2Fanthropic.claude%3A1"),
            )],
        ),
        (
            ModelReference::parse("arn:aws:sagemaker:us-east-1:111122223333:endpoint/falcon").unwrap(),
            vec![at(
                "GetMarketplaceModelEndpoint",
                "/marketplace-model/endpoints/",
                "arn%3Aaws%3Asagemaker%3Aus-east-1%3A111122223333%3Aendpoint%2Ffalcon",
            )],
        ),
        (
            own("claims_throughput-1"),
            vec![
                at("GetProvisionedModelThroughput", "/provisioned-model-throughput/", "claims_throughput-1"),
                at("GetInferenceProfile", "/inference-profiles/", "claims_throughput-1"),
            ],
        ),
    ];
    for (reference, expected) in table {
        assert_eq!(questions(&reference), expected, "{reference}");
        assert!(!reference.is_resolved(), "{reference}");
    }
}

#[test]
fn nobody_is_asked_about_drafts_or_about_what_the_text_says() {
    for plain in ["us.amazon.nova-lite-v1:0", HAIKU] {
        let plain = ModelReference::parse(plain).unwrap();
        assert!(plain.is_resolved() && questions(&plain).is_empty(), "{plain}");
    }
    assert_eq!(Lookup::all(&own("prompt/QWERTYUIOP")), Err(ResolutionError::Draft));
}

#[test]
fn a_version_of_a_prompt_is_asked_about_where_prompts_are_kept() {
    let prompt = own("prompt/QWERTYUIOP:3");
    let lookup = Lookup::all(&prompt).unwrap().remove(0);
    assert!(lookup.is_of_agents());
    assert_eq!(
        lookup.path(),
        "/prompts/arn%3Aaws%3Abedrock%3Aus-east-1%3A111122223333%3Aprompt%2FQWERTYUIOP/?promptVersion=3"
    );
    let answer = r#"{"arn":"arn:aws:bedrock:us-east-1:111122223333:prompt/QWERTYUIOP:3","version":"3","variants":[
        {"modelId":"us.amazon.nova-lite-v1:0","templateConfiguration":{"text":{"text":"hi"}}}]}"#;
    let resolved = prompt.clone().with(lookup.read(answer.as_bytes()).unwrap());
    assert!(resolved.is_resolved() && resolved.stored_prompt().is_some());
    assert_eq!(resolved.origin_ids(), ["amazon.nova-lite-v1:0"]);
    let other = answer.replace("QWERTYUIOP:3", "QWERTYUIOP:4");
    assert!(lookup.read(other.as_bytes()).is_err());
    assert!(lookup.read(answer.replace("us.amazon.nova-lite-v1:0", prompt.raw()).as_bytes()).is_err());
}

#[test]
fn what_can_be_pointed_elsewhere_does_not_stay_true() {
    let changing = ["provisioned-model/a", "custom-model-deployment/a", "name"];
    let fixed = [
        "application-inference-profile/a",
        "custom-model/amazon.nova-lite-v1:0/a",
        "imported-model/a",
        "prompt-router/a",
        "prompt/A:1",
    ];
    assert!(changing.iter().all(|one| own(one).lifetime() == Lifetime::Changing));
    assert!(fixed.iter().all(|one| own(one).lifetime() == Lifetime::Fixed));
    let endpoint = ModelReference::parse("arn:aws:sagemaker:us-east-1:111122223333:endpoint/falcon").unwrap();
    assert_eq!(endpoint.lifetime(), Lifetime::Changing);
}

#[test]
fn answers_name_the_next_models_in_the_chain() {
    let model = |arn: &str| format!("{{\"modelArn\":\"{arn}\"}}");
    let hub = "arn:aws:sagemaker:us-east-1:aws:hub-content/SageMakerPublicHub/Model/falcon/2.0.1";
    let anywhere = "arn:aws:bedrock:::foundation-model/amazon.nova-lite-v1:0";
    let profile = "arn:aws:bedrock:us-east-1:111122223333:inference-profile/us.amazon.nova-lite-v1:0";
    let list = |arns: &[&str]| arns.iter().map(|arn| model(arn)).collect::<Vec<_>>().join(",");
    let table = [
        (
            "application-inference-profile/a",
            format!("{{\"models\":[{}]}}", list(&[HAIKU, TITAN, HAIKU])),
            vec![HAIKU, TITAN],
        ),
        // A global profile is that wherever its other regions are.
        (
            "application-inference-profile/a",
            format!("{{\"models\":[{}]}}", list(&[anywhere])),
            vec!["global.amazon.nova-lite-v1:0"],
        ),
        (
            "provisioned-model/a",
            format!(
                "{{\"modelArn\":\"{TITAN}\",\"desiredModelArn\":\"{TITAN}\",\"foundationModelArn\":\"{TITAN}\"}}"
            ),
            vec![TITAN],
        ),
        // While it is moved, either may answer.
        (
            "provisioned-model/a",
            format!(
                "{{\"modelArn\":\"{TITAN}\",\"desiredModelArn\":\"{CUSTOM}\",\"foundationModelArn\":\"{TITAN}\"}}"
            ),
            vec![TITAN, CUSTOM],
        ),
        (
            "custom-model/amazon.titan-text-express-v1/a",
            format!("{{\"baseModelArn\":\"{TITAN}\"}}"),
            vec![TITAN],
        ),
        (
            "custom-model/amazon.titan-text-express-v1/a",
            format!("{{\"baseModelArn\":\"{CUSTOM}\"}}"),
            vec![CUSTOM],
        ),
        ("custom-model/imported/a", "{}".to_owned(), vec![]),
        ("custom-model/imported/a", format!("{{\"baseModelArn\":\"{TITAN}\"}}"), vec![TITAN]),
        ("custom-model-deployment/a", model(CUSTOM), vec![CUSTOM]),
        (
            "custom-model-deployment/a",
            format!(
                "{{\"modelArn\":\"{CUSTOM}\",\"updateDetails\":{{\"modelArn\":\"{CUSTOM}x\",\"updateStatus\":\"Updating\"}}}}"
            ),
            vec![
                CUSTOM,
                "arn:aws:bedrock:us-east-1:111122223333:custom-model/amazon.titan-text-express-v1/abcdef123456x",
            ],
        ),
        ("imported-model/a", "{\"modelArchitecture\":\"llama\"}".to_owned(), vec!["llama"]),
        (
            "prompt-router/a",
            format!("{{\"models\":[{}],\"fallbackModel\":{}}}", list(&[HAIKU, profile]), model(TITAN)),
            vec![HAIKU, profile, TITAN],
        ),
        (
            "claims",
            format!(
                "{{\"modelArn\":\"{TITAN}\",\"desiredModelArn\":\"{TITAN}\",\"provisionedModelArn\":\"arn:aws:bedrock:us-east-1:111122223333:provisioned-model/abcdef123456\"}}"
            ),
            vec!["arn:aws:bedrock:us-east-1:111122223333:provisioned-model/abcdef123456"],
        ),
    ];
    for (resource, body, expected) in table {
        assert_eq!(found(&own(resource), &body).unwrap(), expected, "{resource}: {body}");
    }
    let endpoint = ModelReference::parse("arn:aws:sagemaker:us-east-1:111122223333:endpoint/falcon").unwrap();
    let body = format!("{{\"marketplaceModelEndpoint\":{{\"modelSourceIdentifier\":\"{hub}\"}}}}");
    assert_eq!(found(&endpoint, &body).unwrap(), [hub]);
    let lookup = Lookup::all(&endpoint).unwrap().remove(0);
    assert!(endpoint.with(lookup.read(body.as_bytes()).unwrap()).is_resolved());
}

#[test]
fn an_answer_that_is_not_as_modelled_resolves_nothing_fails_closed() {
    let many: Vec<String> =
        (0..=MAX_MODELS).map(|number| format!("{{\"modelArn\":\"{HAIKU}{number}\"}}")).collect();
    let prompt = "arn:aws:bedrock:us-east-1:111122223333:prompt/QWERTYUIOP";
    let router = "arn:aws:bedrock:us-east-1:111122223333:prompt-router/abcdef123456";
    let table = [
        ("application-inference-profile/a", "{\"models\":[]}".to_owned(), ResolutionError::Member("models")),
        ("application-inference-profile/a", "{}".to_owned(), ResolutionError::Member("models")),
        (
            "application-inference-profile/a",
            "{\"models\":[{}]}".to_owned(),
            ResolutionError::Member("modelArn"),
        ),
        (
            "application-inference-profile/a",
            format!("{{\"models\":[{{\"modelArn\":\"{HAIKU}\"}},{{\"modelArn\":7}}]}}"),
            ResolutionError::Member("modelArn"),
        ),
        (
            "application-inference-profile/a",
            format!("{{\"models\":[{{\"modelArn\":\"{router}\"}}]}}"),
            ResolutionError::Member("modelArn"),
        ),
        (
            "application-inference-profile/a",
            format!("{{\"models\":[{}]}}", many.join(",")),
            ResolutionError::TooManyModels,
        ),
        (
            "application-inference-profile/a",
            "{\"models\":[{\"modelArn\":\"amazon..nova\"}]}".to_owned(),
            ResolutionError::Member("modelArn"),
        ),
        (
            "application-inference-profile/a",
            "{\"models\":[],\"models\":[]}".to_owned(),
            ResolutionError::Json(JsonError::DuplicateKey(13)),
        ),
        ("application-inference-profile/a", "<html>".to_owned(), ResolutionError::Json(JsonError::Syntax(0))),
        (
            "provisioned-model/a",
            format!("{{\"modelArn\":\"{TITAN}\"}}"),
            ResolutionError::Member("desiredModelArn"),
        ),
        (
            "provisioned-model/a",
            format!("{{\"modelArn\":\"{prompt}\",\"desiredModelArn\":\"{TITAN}\"}}"),
            ResolutionError::Member("modelArn"),
        ),
        ("custom-model/amazon.nova-lite-v1:0/a", "{}".to_owned(), ResolutionError::Member("baseModelArn")),
        (
            "custom-model/imported/a",
            "{\"baseModelArn\":null}".to_owned(),
            ResolutionError::Member("baseModelArn"),
        ),
        (
            "custom-model-deployment/a",
            format!("{{\"modelArn\":\"{CUSTOM}\",\"updateDetails\":{{}}}}"),
            ResolutionError::Member("modelArn"),
        ),
        ("imported-model/a", "{}".to_owned(), ResolutionError::Member("modelArchitecture")),
        (
            "prompt-router/a",
            format!("{{\"models\":[{{\"modelArn\":\"{HAIKU}\"}}]}}"),
            ResolutionError::Member("fallbackModel"),
        ),
        (
            "claims",
            format!("{{\"modelArn\":\"{TITAN}\",\"desiredModelArn\":\"{TITAN}\"}}"),
            ResolutionError::Member("provisionedModelArn"),
        ),
    ];
    for (resource, body, expected) in table {
        assert_eq!(found(&own(resource), &body), Err(expected), "{resource}: {body}");
    }
}

#[test]
fn a_source_that_is_no_model_of_a_hub_resolves_nothing_fails_closed() {
    let endpoint = ModelReference::parse("arn:aws:sagemaker:us-east-1:111122223333:endpoint/falcon").unwrap();
    for source in [
        "falcon",
        "arn:aws:sagemaker:us-east-1:aws:hub-content/Hub/Notebook/falcon",
        "arn:aws:sagemaker:us-east-1:aws:hub-content/Hub/Model/",
        "arn:aws:sagemaker:us-east-1:aws:hub-content/Hub/Model/a/1/2",
        "arn:aws:sagemaker:us-east-1:aws:hub-content/Hub/Model/a b",
        "arn:aws:s3:us-east-1:aws:hub-content/Hub/Model/a",
    ] {
        let body = format!("{{\"marketplaceModelEndpoint\":{{\"modelSourceIdentifier\":\"{source}\"}}}}");
        assert_eq!(
            found(&endpoint, &body),
            Err(ResolutionError::Member("modelSourceIdentifier")),
            "{source}"
        );
    }
}

#[test]
fn a_chain_ends_and_never_comes_back() {
    let name = own("claims");
    assert_eq!(name.follow(&[]), Ok(vec!["claims"]));
    assert_eq!(name.follow(&["a", "claims", "b"]), Err(ResolutionError::Loop));
    assert_eq!(name.follow(&["a", "b", "c", "d", "e"]), Err(ResolutionError::TooDeep));
}

#[test]
fn a_reference_knows_what_runs_and_what_that_was_made_of() {
    let base = ModelReference::parse(TITAN).unwrap();
    let custom = ModelReference::parse(CUSTOM).unwrap().with(Found::stated(vec![base]));
    let deployment = own("custom-model-deployment/a");
    assert!(!deployment.is_resolved() && deployment.running().is_empty());
    let deployment = deployment.with(Found::stated(vec![custom]));
    assert!(deployment.is_resolved());
    let raws =
        |models: Vec<&ModelReference>| models.iter().map(|model| model.raw().to_owned()).collect::<Vec<_>>();
    assert_eq!(raws(deployment.chain()), [deployment.raw(), CUSTOM, TITAN]);
    assert_eq!(raws(deployment.running()), [CUSTOM]);
    assert_eq!(raws(deployment.origins()), [TITAN]);
    assert_eq!(deployment.origin_ids(), ["amazon.titan-text-express-v1"]);
    let half = own("provisioned-model/a").with(Found::stated(vec![ModelReference::parse(CUSTOM).unwrap()]));
    assert!(!half.is_resolved(), "what stands behind the custom model is not known");
}

proptest! {
    #[test]
    fn a_question_holds_nothing_but_an_encoded_identifier(label in "[ -~]{1,60}|arn:aws:bedrock:us-east-1:111122223333:(provisioned-model|prompt-router|custom-model)/[ -~]{1,20}") {
        if let Ok(reference) = ModelReference::parse(&label) {
            for lookup in Lookup::all(&reference).unwrap_or_default() {
                let path = lookup.path();
                let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.%".contains(&byte);
                let name = path.rsplit('/').next().unwrap();
                prop_assert!(!name.is_empty() && name.bytes().all(plain), "{}", path);
                prop_assert_eq!(name.replace("%3A", ":").replace("%2F", "/"), label.clone());
            }
        }
    }

    #[test]
    fn no_answer_makes_the_reader_panic(body in ".{0,80}", which in 0..9_usize) {
        let kinds = ["application-inference-profile/a", "provisioned-model/a", "custom-model/amazon.nova/a", "custom-model/imported/a",
            "custom-model-deployment/a", "imported-model/a", "prompt-router/a", "name", "default-prompt-router/a"];
        for lookup in Lookup::all(&own(kinds[which])).unwrap() {
            drop(lookup.read(body.as_bytes()));
        }
    }
}

#[test]
fn a_name_in_a_place_for_one_kind_is_asked_about_as_that_kind() {
    let name = || ModelReference::parse("claims-writer").unwrap();
    let asked = |reference: &ModelReference| {
        Lookup::all(reference).unwrap().iter().map(Lookup::operation).collect::<Vec<_>>()
    };
    for (kind, operation) in [
        (ModelKind::Custom, "GetCustomModel"),
        (ModelKind::CustomDeployment, "GetCustomModelDeployment"),
        (ModelKind::Imported, "GetImportedModel"),
        (ModelKind::Provisioned, "GetProvisionedModelThroughput"),
        (ModelKind::ApplicationProfile, "GetInferenceProfile"),
    ] {
        assert_eq!(asked(&name().sought_as(kind)), [operation]);
    }
    assert_eq!(asked(&name()), ["GetProvisionedModelThroughput", "GetInferenceProfile"]);
    // An id says itself what it is of.
    let id = ModelReference::parse("amazon.nova-lite-v1:0").unwrap();
    assert_eq!(id.clone().sought_as(ModelKind::Custom), id);

    let lookup = Lookup::all(&name().sought_as(ModelKind::Custom)).unwrap().remove(0);
    let own = "arn:aws:bedrock:us-east-1:111122223333:custom-model/amazon.nova-lite-v1:0/custom000001";
    let base = "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0";
    let answer = format!(r#"{{"modelArn":"{own}","modelName":"claims-writer","baseModelArn":"{base}"}}"#);
    let resolved = name().with(lookup.read(answer.as_bytes()).unwrap());
    assert!(resolved.is_resolved());
    assert_eq!(resolved.behind()[0].raw(), own);
    // A description of another kind of thing is none of this name.
    let throughput = own.replace("custom-model/amazon.nova-lite-v1:0", "provisioned-model");
    assert!(lookup.read(answer.replace(own, &throughput).as_bytes()).is_err());
}
