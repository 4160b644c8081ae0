use proptest::prelude::*;

use super::*;

/// `kind canonical provider geography context partition region account`, `-` for what is absent.
fn row(label: &str) -> String {
    let reference = ModelReference::parse(label).unwrap_or_else(|error| panic!("{label}: {error}"));
    assert_eq!(reference.raw(), label);
    assert_eq!(reference.to_string(), label);
    let canonical = if reference.canonical() == label { "=" } else { reference.canonical() };
    let optional = [
        reference.provider(),
        reference.geography(),
        reference.context(),
        reference.partition(),
        reference.region(),
        reference.account(),
    ];
    let optional = optional.map(|part| part.unwrap_or("-")).join(" ");
    format!("{} {canonical} {optional}", reference.kind())
}

#[test]
fn every_spelling_of_a_catalogue_model_has_its_canonical_id() {
    let table = [
        ("anthropic.claude-v2", "foundation = anthropic - - - - -"),
        ("anthropic.claude-v2:1", "foundation = anthropic - - - - -"),
        ("amazon.titan-tg1-large", "foundation = amazon - - - - -"),
        ("ai21.j2-jumbo-instruct", "foundation = ai21 - - - - -"),
        ("openai.gpt-oss-20b-1:0", "foundation = openai - - - - -"),
        ("deepseek.v3.2", "foundation = deepseek - - - - -"),
        ("openai.gpt-5.4", "foundation = openai - - - - -"),
        ("minimax.minimax-m2.1", "foundation = minimax - - - - -"),
        ("newcomer.model-v1:0", "foundation = newcomer - - - - -"),
        ("amazon.titan-text-lite-v1:0:4k", "foundation amazon.titan-text-lite-v1:0 amazon - 4k - - -"),
        ("cohere.embed-english-v3:0:512", "foundation cohere.embed-english-v3:0 cohere - 512 - - -"),
        (
            "amazon.titan-image-generator-v1:0:mm",
            "foundation amazon.titan-image-generator-v1:0 amazon - mm - - -",
        ),
        ("eu.amazon.nova-lite-v1:0", "profile amazon.nova-lite-v1:0 amazon eu - - - -"),
        ("global.anthropic.claude-opus-5", "profile anthropic.claude-opus-5 anthropic global - - - -"),
        ("us-gov.amazon.nova-pro-v1:0", "profile amazon.nova-pro-v1:0 amazon us-gov - - - -"),
        ("us.deepseek.v3.2", "profile deepseek.v3.2 deepseek us - - - -"),
        ("apac.newcomer.model-v1:0", "profile newcomer.model-v1:0 newcomer apac - - - -"),
        (
            "mars.meta.llama3-1-8b-instruct-v1:0:128k",
            "profile meta.llama3-1-8b-instruct-v1:0 meta mars 128k - - -",
        ),
        (
            "arn:aws:bedrock:eu-central-1::foundation-model/amazon.nova-lite-v1:0",
            "foundation amazon.nova-lite-v1:0 amazon - - aws eu-central-1 -",
        ),
        (
            "arn:aws:bedrock:us-east-1::foundation-model/amazon.titan-embed-text-v1:2:8k",
            "foundation amazon.titan-embed-text-v1:2 amazon - 8k aws us-east-1 -",
        ),
        (
            "arn:aws-us-gov:bedrock:us-gov-west-1:444455556666:inference-profile/us-gov.amazon.nova-pro-v1:0",
            "profile amazon.nova-pro-v1:0 amazon us-gov - aws-us-gov us-gov-west-1 444455556666",
        ),
        (
            "arn:aws-eusc:bedrock:eusc-de-east-1:444455556666:inference-profile/eu.mistral.pixtral-large-2502-v1:0",
            "profile mistral.pixtral-large-2502-v1:0 mistral eu - aws-eusc eusc-de-east-1 444455556666",
        ),
    ];
    for (label, expected) in table {
        assert_eq!(row(label), expected, "{label}");
        assert_eq!(
            ModelReference::parse(label).unwrap().base(),
            Some(ModelReference::parse(label).unwrap().canonical())
        );
    }
}

#[test]
fn an_opaque_resource_keeps_its_whole_text_as_canonical_id() {
    let table = [
        ("application-inference-profile/q1w2e3r4t5y6", ModelKind::ApplicationProfile),
        ("provisioned-model/q1w2e3r4t5y6", ModelKind::Provisioned),
        ("custom-model/amazon.titan-text-lite-v1:0:4k/q1w2e3r4t5y6", ModelKind::Custom),
        ("custom-model/imported/q1w2e3r4t5y6", ModelKind::Imported),
        ("custom-model-deployment/q1w2e3r4t5y6", ModelKind::CustomDeployment),
        ("imported-model/q1w2e3r4t5y6", ModelKind::Imported),
        ("prompt/QWERTYUIOP", ModelKind::Prompt),
        ("prompt/QWERTYUIOP:12", ModelKind::Prompt),
        ("prompt-router/q1w2e3r4t5y6", ModelKind::Router),
        ("default-prompt-router/anthropic.claude:1", ModelKind::Router),
    ];
    for (resource, kind) in table {
        let label = format!("arn:aws:bedrock:eu-west-1:444455556666:{resource}");
        let reference = ModelReference::parse(&label).unwrap_or_else(|error| panic!("{label}: {error}"));
        assert_eq!((reference.kind(), reference.canonical()), (kind, label.as_str()));
        assert_eq!(reference.account(), Some("444455556666"));
        assert_eq!(reference.runs_in("us-east-1"), "eu-west-1");
        assert!(reference.kind().needs_lookup());
        let custom = kind == ModelKind::Custom;
        assert_eq!(reference.base(), custom.then_some("amazon.titan-text-lite-v1:0"), "{label}");
        assert_eq!(reference.provider(), custom.then_some("amazon"), "{label}");
    }
    let endpoint = "arn:aws:sagemaker:eu-west-1:444455556666:endpoint/my-endpoint";
    assert_eq!(row(endpoint), "marketplace = - - - aws eu-west-1 444455556666");
    assert_eq!(row("my_provisioned-throughput"), "named = - - - - - -");
}

#[test]
fn a_label_that_names_no_model_is_refused() {
    let long = "m".repeat(MAX_LENGTH + 1);
    let table = [
        ("", ModelError::Empty),
        (long.as_str(), ModelError::TooLong),
        ("..", ModelError::EmptyPart),
        ("amazon..nova", ModelError::EmptyPart),
        (".amazon.nova", ModelError::EmptyPart),
        ("amazon.nova.", ModelError::EmptyPart),
        ("amazon.", ModelError::EmptyPart),
        ("amazon.nova:", ModelError::EmptyPart),
        (":0", ModelError::EmptyPart),
        ("-:.", ModelError::Name),
        ("-amazon.nova", ModelError::Name),
        ("amazon.-nova", ModelError::Name),
        ("amazon:0", ModelError::Name),
        ("amazon_nova:0", ModelError::Name),
        ("amazon.nova_lite", ModelError::Name),
        ("amazon.nova/lite", ModelError::Name),
        ("_name", ModelError::Name),
        ("two--dashes", ModelError::Name),
        ("amazon.nova*", ModelError::Character(11)),
        ("amazon.nova%2d", ModelError::Character(11)),
        ("amazon.nova\u{200b}", ModelError::Character(11)),
        ("\u{430}mazon.nova", ModelError::Character(0)),
        ("amazon.nova ", ModelError::Character(11)),
        ("amazon.nova\0", ModelError::Character(11)),
        ("amazon.nova+", ModelError::Character(11)),
        ("Amazon.nova-lite-v1:0", ModelError::UpperCase),
        ("amazon.nova-lite-V1:0", ModelError::UpperCase),
        ("EU.amazon.nova-lite-v1:0", ModelError::UpperCase),
        ("amazon.nova-lite-v1:0:1M", ModelError::Suffix),
        ("amazon.nova-lite-v1:0:k", ModelError::Suffix),
        ("amazon.nova-lite-v1:0:4k:4k", ModelError::Suffix),
        ("us.nova", ModelError::GeographyWithoutModel),
        ("us.eu.amazon.nova", ModelError::AmbiguousGeography),
        ("us.eu.nova", ModelError::AmbiguousGeography),
        ("us.mars.amazon.nova", ModelError::AmbiguousGeography),
        ("mars.us.amazon.nova", ModelError::AmbiguousGeography),
        ("mars.newcomer.model-v1:0", ModelError::AmbiguousGeography),
        ("ARN:aws:bedrock:us-east-1::foundation-model/amazon.nova", ModelError::Suffix),
        ("arn:aws:bedrock", ModelError::Arn),
        ("arn:aws:bedrock:us-east-1:", ModelError::Arn),
        ("arn:awsx:bedrock:us-east-1::foundation-model/amazon.nova", ModelError::Arn),
        ("arn:aws-:bedrock:us-east-1::foundation-model/amazon.nova", ModelError::Arn),
        ("arn::bedrock:us-east-1::foundation-model/amazon.nova", ModelError::Arn),
        ("arn:aws:bedrock:::foundation-model/amazon.nova", ModelError::Region),
        ("arn:aws:bedrock:us-east:444455556666:provisioned-model/x", ModelError::Region),
        ("arn:aws:bedrock:us-1:444455556666:provisioned-model/x", ModelError::Region),
        ("arn:aws:lambda:us-east-1:444455556666:function/x", ModelError::ForeignService),
        ("arn:aws:s3:us-east-1:444455556666:endpoint/x", ModelError::ForeignService),
        ("arn:aws:sagemaker:us-east-1:444455556666:model/x", ModelError::ForeignService),
        ("arn:aws:bedrock-agent:us-east-1:444455556666:prompt/x", ModelError::ForeignService),
        ("arn:aws:bedrock:us-east-1:444455556666:endpoint/x", ModelError::Resource),
        ("arn:aws:bedrock:us-east-1:444455556666:guardrail/x", ModelError::Resource),
        ("arn:aws:bedrock:us-east-1:444455556666:provisioned-model", ModelError::Resource),
        ("arn:aws:bedrock:us-east-1:444455556666:provisioned-model/", ModelError::Resource),
        ("arn:aws:bedrock:us-east-1:444455556666:provisioned-model/x/y", ModelError::Resource),
        ("arn:aws:bedrock:us-east-1:444455556666:prompt/x:", ModelError::Resource),
        ("arn:aws:bedrock:us-east-1:444455556666:prompt/x:draft", ModelError::Resource),
        ("arn:aws:bedrock:us-east-1:444455556666:prompt-router/x:", ModelError::Resource),
        ("arn:aws:bedrock:us-east-1:444455556666:custom-model/x", ModelError::Resource),
        ("arn:aws:bedrock:us-east-1:444455556666:custom-model/us.amazon.nova/x", ModelError::Resource),
        ("arn:aws:bedrock:us-east-1:444455556666:custom-model/nova/x", ModelError::Name),
        ("arn:aws:bedrock:us-east-1:444455556666:inference-profile/amazon.nova", ModelError::Resource),
        ("arn:aws:bedrock:us-east-1::foundation-model/us.amazon.nova", ModelError::Resource),
        ("arn:aws:bedrock:us-east-1:444455556666:foundation-model/amazon.nova", ModelError::Account),
        ("arn:aws:bedrock:us-east-1::inference-profile/us.amazon.nova", ModelError::Account),
        ("arn:aws:bedrock:us-east-1:44445555666:provisioned-model/x", ModelError::Account),
        ("arn:aws:bedrock:us-east-1:aws:default-prompt-router/x", ModelError::Account),
    ];
    for (label, expected) in table {
        assert_eq!(ModelReference::parse(label), Err(expected), "{label}");
    }
}

#[test]
fn inference_runs_in_the_geography_then_the_arns_region_then_the_upstream_region() {
    let table = [
        ("amazon.nova-lite-v1:0", "us-west-2"),
        ("throughput", "us-west-2"),
        ("global.amazon.nova-lite-v1:0", "global"),
        ("arn:aws:bedrock:ap-south-1::foundation-model/amazon.nova-lite-v1:0", "ap-south-1"),
        ("arn:aws:bedrock:eu-west-3:444455556666:inference-profile/eu.amazon.nova-lite-v1:0", "eu"),
        ("arn:aws:bedrock:eu-west-3:444455556666:provisioned-model/x", "eu-west-3"),
    ];
    for (label, place) in table {
        assert_eq!(ModelReference::parse(label).unwrap().runs_in("us-west-2"), place, "{label}");
    }
}

#[test]
fn every_kind_has_a_word_of_its_own() {
    let names: std::collections::HashSet<_> = ModelKind::ALL.iter().map(|kind| kind.name()).collect();
    assert_eq!(names.len(), ModelKind::ALL.len());
}

/// Labels near the grammar, so that a good part of them parses.
fn label() -> impl Strategy<Value = String> {
    let geography = prop::sample::select(vec!["", "us.", "eu.", "us-gov.", "mars."]);
    let provider = prop::sample::select(vec!["amazon", "anthropic", "newcomer"]);
    let arn = prop::sample::select(vec![
        "",
        "arn:aws:bedrock:us-east-1::foundation-model/",
        "arn:aws:bedrock:us-east-1:444455556666:inference-profile/",
        "arn:aws:bedrock:us-east-1:444455556666:provisioned-model/",
    ]);
    (arn, geography, provider, "[a-zA-Z0-9.-]{0,12}", "(:[0-9a-z]{0,3}){0,3}").prop_map(
        |(arn, geography, provider, name, version)| format!("{arn}{geography}{provider}.{name}{version}"),
    )
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(text in ".{0,80}") {
        drop(ModelReference::parse(&text));
    }

    #[test]
    fn the_canonical_id_is_its_own_canonical_id(text in label()) {
        if let Ok(reference) = ModelReference::parse(&text) {
            let again = ModelReference::parse(reference.canonical()).unwrap();
            prop_assert_eq!(again.canonical(), reference.canonical());
            prop_assert_eq!(again.provider(), reference.provider());
            prop_assert!(again.geography().is_none() && again.context().is_none());
        }
    }

    #[test]
    fn a_geography_never_hides_in_a_canonical_id(text in label()) {
        if let Ok(reference) = ModelReference::parse(&text)
            && !reference.kind().needs_lookup()
        {
            let first = reference.canonical().split('.').next().unwrap();
            prop_assert!(!GEOGRAPHIES.contains(&first));
            prop_assert!(text.contains(reference.canonical()));
        }
    }
}
