//! Targets are recognised or refused, never a panic; what is recognised holds a model that reads the same again.
#![no_main]

use bedrock_warden::bedrock::model::ModelReference;
use bedrock_warden::bedrock::operation::Route;
use http::Method;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|target: &str| {
    for method in [Method::GET, Method::POST] {
        if let Ok(Route { model: Some(model), .. }) = Route::recognise(&method, target) {
            assert_eq!(ModelReference::parse(model.raw()).as_ref(), Ok(&model));
        }
    }
});
