//! The rules and their Cedar form deny the same requests, for the same rules, in both modes.

use std::collections::BTreeSet;
use std::fmt::Write;

use cedar_policy::{
    Authorizer, Decision, PolicyId, PolicySet as Policies, RestrictedExpression, ValidationMode,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use super::Question;
use super::atoms::{Atom, named};
use super::schema::{schema, validator};
use super::translate::Statement;
use crate::bedrock::view::Parameter;
use crate::policy::fixture::{HAIKU, ROUTER, Request, policy};
use crate::policy::properties::{Item, files, item, request};
use crate::policy::{Inquiry, Mode, PolicySet, Violation};

const ALLOWS: [&str; 5] = [
    "allow: { models: [\"*\", ROUTER] }",
    "allow: { models: [\"amazon.*\", HAIKU] }",
    "allow:\n  - models: [\"amazon.nova-*\"]\n  - { id: b, when: { env: prod }, models: [\"anthropic.claude-*\"] }",
    "allow: { id: c, models: [\"*\"], actions: [\"Converse*\"], unless: { model: \"us.*\" } }",
    "allow:\n  - { id: d, models: [\"*\"], when: 'context.content.turns < 3' }\n  - { id: e, when: { model: \"*haiku*\" }, models: [ROUTER] }",
];
const TERMS: [&str; 7] = [
    "limits: { maxTokens: 90 }",
    "limits: { id: t, temperature: { min: 10, max: 100 }, when: { env: dev } }",
    "deny: { id: t, when: { tools: \"bash*\" } }",
    "sensitive: { id: t, detect: [email], prompt: redact, unread: report }",
    "sensitive:\n        - { id: t, detect: [email, phone], prompt: deny }\n        - { id: u, detect: [phone], prompt: redact }",
    "residency: { in: [us, us-east-1] }",
    "guardrail: { oneOf: [\"a1:1\"] }",
];

/// An exception, before it is written.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is drawn by itself")]
struct Draft {
    /// Which items it waives, counted around.
    items: Vec<usize>,
    /// Whether it waives one field only, where there are fields.
    field: bool,
    allow: Option<usize>,
    app: bool,
    glass: bool,
    long: bool,
    terms: Option<usize>,
}

fn draft() -> impl Strategy<Value = Draft> {
    let waives = (vec(any::<usize>(), 1..4), any::<bool>(), option::weighted(0.3, 0..3_usize));
    (waives, any::<(bool, bool, bool)>(), option::of(0..TERMS.len())).prop_map(
        |((items, field, allow), (app, glass, long), terms)| Draft {
            items,
            field,
            allow,
            app,
            glass,
            long,
            terms,
        },
    )
}

const SCOPES: [&str; 3] = ["org", "payments", "payments/checkout"];

fn written(drafts: &[Draft], items: &[Item]) -> String {
    let mut text = "version: 1\nscope: exceptions\nexceptions:\n".to_owned();
    for (index, draft) in drafts.iter().enumerate() {
        let mut waived: BTreeSet<String> = draft
            .items
            .iter()
            .map(|chosen| {
                let name = chosen % items.len();
                let Item { level, section, body, .. } = &items[name];
                let id = format!("{}/{section}/r{name}", SCOPES[*level]);
                let field = body.split(':').next().filter(|_| draft.field && *section == "limits");
                field.map_or(id.clone(), |field| format!("{id}.{field}"))
            })
            .collect();
        waived.extend(draft.allow.map(|level| format!("{}/allow", SCOPES[level])));
        let app = if draft.app { ", app: checkout" } else { "" };
        let until = if draft.long { "2026-12-01T00:00:00Z" } else { "2026-11-20T12:00:00Z" };
        let waived: Vec<String> = waived.into_iter().collect();
        write!(
            text,
            "  - id: E{index}\n    for: {{ team: payments{app} }}\n    waive: [{}]\n    breakGlass: {}\n    until: {until}\n    \
             owner: a\n    approvedBy: b\n    ticket: c\n    reason: d\n",
            waived.join(", "),
            draft.glass
        )
        .unwrap();
        let terms = draft.terms.map(|index| TERMS[index].to_owned());
        let allow = draft.allow.map(|_| "allow: { models: [\"anthropic.*\"] }".to_owned());
        let lines: Vec<String> =
            terms.into_iter().chain(allow).map(|line| format!("      {line}\n")).collect();
        if !lines.is_empty() {
            write!(text, "    instead:\n{}", lines.concat()).unwrap();
        }
    }
    text
}

fn set(allow: &[usize; 3], items: &[Item], drafts: &[Draft]) -> PolicySet {
    let allow = allow.map(|index| {
        ALLOWS[index].replace("HAIKU", &format!("\"{HAIKU}\"")).replace("ROUTER", &format!("\"{ROUTER}\""))
    });
    let named: Vec<(&Item, usize)> = items.iter().zip(0..).collect();
    let exceptions = if drafts.is_empty() { String::new() } else { written(drafts, items) };
    files(&allow, &named, &exceptions)
}

fn atoms(set: &PolicySet, statements: &[Statement], inquiry: &Inquiry<'_>) -> RestrictedExpression {
    let named = named(statements.iter().map(|statement| statement.text.as_str()));
    let holding = named.into_iter().filter(|atom| Atom::parse(atom).unwrap().holds(set, inquiry).unwrap());
    RestrictedExpression::new_set(holding.map(|atom| RestrictedExpression::new_string(atom.to_owned())))
}

fn parsed(statements: &[Statement], mode: Mode) -> Policies {
    let chosen = statements.iter().enumerate().filter(|(_, statement)| statement.mode == mode);
    let policies = chosen.map(|(index, statement)| {
        cedar_policy::Policy::parse(Some(PolicyId::new(index.to_string())), &statement.text)
            .unwrap_or_else(|error| panic!("{error:?}\n{}", statement.text))
    });
    Policies::from_policies(policies).unwrap()
}

/// Statements that were parsed once, to be asked about many requests.
struct InCedar<'s> {
    set: &'s PolicySet,
    statements: &'s [Statement],
    enforced: Policies,
    shadow: Policies,
}

impl<'s> InCedar<'s> {
    fn new(set: &'s PolicySet, statements: &'s [Statement]) -> Self {
        let (enforced, shadow) = (parsed(statements, Mode::Enforce), parsed(statements, Mode::Shadow));
        Self { set, statements, enforced, shadow }
    }

    /// In what the set and the statements differ about a request.
    fn difference(&self, request: &Request) -> Option<String> {
        let inquiry = request.inquiry();
        let verdict = self.set.verify(&inquiry);
        let atoms = atoms(self.set, self.statements, &inquiry);
        let question = Question::with(&inquiry, vec![("atoms".to_owned(), atoms)]).unwrap();
        let (asked, entities) = question.parts();
        let ask = |policies| {
            let response = Authorizer::new().is_authorized(asked, policies, entities);
            assert_eq!(response.diagnostics().errors().count(), 0, "{response:?}");
            let forbidding =
                response.diagnostics().reason().filter(|_| response.decision() == Decision::Deny);
            let rule = |id: &PolicyId| self.statements[id.to_string().parse::<usize>().unwrap()].rule.clone();
            let rules: BTreeSet<String> = forbidding.filter_map(rule).map(|rule| rule.to_string()).collect();
            (response.decision() == Decision::Allow, rules)
        };
        let named = |violations: &[Violation]| -> BTreeSet<String> {
            violations.iter().map(|violation| violation.rule.to_string()).collect()
        };
        let native = (verdict.is_allowed(), named(&verdict.violations), named(&verdict.shadow));
        let (allowed, violated) = ask(&self.enforced);
        let (_, shadow) = ask(&self.shadow);
        let cedar = (allowed, violated, shadow);
        (native != cedar).then(|| format!("native {native:?}\ncedar  {cedar:?}"))
    }
}

fn asked() -> impl Strategy<Value = Request> {
    let behind = select(vec![
        vec![HAIKU],
        vec![HAIKU, "amazon.nova-lite-v1:0"],
        vec!["us.anthropic.claude-3-haiku-20240307-v1:0"],
        vec!["amazon.nova-lite-v1:0", "eu.amazon.nova-lite-v1:0"],
    ]);
    (request(), option::of(behind), option::of(0..3_usize), any::<bool>()).prop_map(
        |(request, behind, glass, elsewhere)| {
            let request = match behind {
                Some(models) if request.model.raw() == ROUTER => request.leading_to(&models),
                Some(_) | None => request,
            };
            request.with(|request| {
                request.context.break_glass = glass.map(|index| format!("E{index}"));
                if elsewhere {
                    request.principal.app = "other".to_owned();
                }
            })
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn rules_and_their_cedar_form_decide_alike(
        allow in [0..ALLOWS.len(), 0..ALLOWS.len(), 0..ALLOWS.len()],
        items in vec(item(), 1..8),
        drafts in vec(draft(), 0..3),
        requests in vec(asked(), 3),
    ) {
        let set = set(&allow, &items, &drafts);
        let statements = set.in_cedar();
        let in_cedar = InCedar::new(&set, &statements);
        for request in requests {
            let repaired = request.clone().with(|sent| {
                sent.facts = request.facts.apply(&set.repair(&request.inquiry()));
            });
            for request in [request, repaired] {
                let difference = in_cedar.difference(&request);
                prop_assert!(difference.is_none(), "{}\n{statements:#?}", difference.unwrap());
            }
        }
    }
}

proptest! {
    // Cedar's type checker looks at every policy once for every operation that there is.
    #![proptest_config(ProptestConfig::with_cases(8))]

    #[test]
    fn the_cedar_form_is_well_typed(
        allow in [0..ALLOWS.len(), 0..ALLOWS.len(), 0..ALLOWS.len()],
        items in vec(item(), 1..8),
        drafts in vec(draft(), 0..3),
    ) {
        let statements = set(&allow, &items, &drafts).in_cedar();
        let validator = validator(&schema()).unwrap();
        for mode in [Mode::Enforce, Mode::Shadow] {
            let checked = validator.validate(&parsed(&statements, mode), ValidationMode::Strict);
            prop_assert!(checked.validation_passed(), "{checked}\n{statements:#?}");
        }
    }
}

#[test]
fn a_mistake_in_one_bound_of_the_translation_is_noticed() {
    let set = policy(
        "limits: { maxTokens: 50, temperature: 0.3 }\n",
        "limits: { id: a, topP: 40, when: { env: dev } }\n",
    );
    let differ = |statements: &[Statement]| {
        let in_cedar = InCedar::new(&set, statements);
        let requests = (0..100).flat_map(|number| {
            let request = Request::new(HAIKU).set(Parameter::MaxTokens, &[1.0]);
            let value = f64::from(number);
            [
                request.clone().set(Parameter::MaxTokens, &[value]),
                request.clone().set(Parameter::Temperature, &[value / 100.0]),
                request.set(Parameter::TopP, &[value]),
            ]
        });
        requests.filter(|request| in_cedar.difference(request).is_some()).count()
    };
    let right = set.in_cedar();
    assert_eq!(differ(&right), 0);
    for (from, to) in [("> 50)", "> 51)"), ("> 50)", ">= 50)"), ("> 300)", "> 310)"), ("\"dev\"", "\"prod\"")]
    {
        let mut wrong = right.clone();
        for statement in &mut wrong {
            statement.text = statement.text.replace(from, to);
        }
        assert_ne!(wrong, right, "{from}");
        assert!(differ(&wrong) > 0, "{from} {to}");
    }
}
