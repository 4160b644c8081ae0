//! CBOR as Smithy's RPC v2 protocol uses it, to JSON and back.

use std::io::Read;

use flate2::read::GzDecoder;
use minicbor::data::Type;
use minicbor::{Decoder, Encoder};
use serde_json::{Map, Number, Value};

pub fn inflated(body: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    GzDecoder::new(body).read_to_end(&mut plain).unwrap();
    plain
}

/// One document. Times, which CBOR tags, become seconds since the epoch.
pub fn to_json(bytes: &[u8]) -> Value {
    value(&mut Decoder::new(bytes)).unwrap_or_else(|error| panic!("{error} in {bytes:02x?}"))
}

pub fn from_json(value: &Value) -> Vec<u8> {
    let mut encoder = Encoder::new(Vec::new());
    write(&mut encoder, value);
    encoder.into_writer()
}

fn value(decoder: &mut Decoder<'_>) -> Result<Value, minicbor::decode::Error> {
    Ok(match decoder.datatype()? {
        Type::Map | Type::MapIndef => {
            let length = decoder.map()?;
            let mut members = Map::new();
            while more(decoder, length, members.len())? {
                members.insert(text(decoder)?, value(decoder)?);
            }
            Value::Object(members)
        }
        Type::Array | Type::ArrayIndef => {
            let length = decoder.array()?;
            let mut items = Vec::new();
            while more(decoder, length, items.len())? {
                items.push(value(decoder)?);
            }
            Value::Array(items)
        }
        Type::String | Type::StringIndef => Value::String(text(decoder)?),
        Type::Tag => {
            decoder.tag()?;
            value(decoder)?
        }
        Type::Bool => Value::Bool(decoder.bool()?),
        Type::Null => {
            decoder.null()?;
            Value::Null
        }
        Type::F16 | Type::F32 | Type::F64 => number(decoder.f64()?),
        Type::U8 | Type::U16 | Type::U32 | Type::U64 => Value::from(decoder.u64()?),
        Type::I8 | Type::I16 | Type::I32 | Type::I64 => Value::from(decoder.i64()?),
        other => panic!("{other} has no place in CloudWatch's shapes"),
    })
}

/// Whether a map or an array goes on; the end of one without a length is taken.
fn more(
    decoder: &mut Decoder<'_>,
    length: Option<u64>,
    read: usize,
) -> Result<bool, minicbor::decode::Error> {
    if let Some(length) = length {
        return Ok((read as u64) < length);
    }
    let goes_on = decoder.datatype()? != Type::Break;
    if !goes_on {
        decoder.skip()?;
    }
    Ok(goes_on)
}

fn text(decoder: &mut Decoder<'_>) -> Result<String, minicbor::decode::Error> {
    decoder.str_iter()?.collect()
}

fn number(value: f64) -> Value {
    Value::Number(Number::from_f64(value).expect("CloudWatch takes no NaN and no infinity"))
}

fn write(encoder: &mut Encoder<Vec<u8>>, value: &Value) {
    match value {
        Value::Null => encoder.null().unwrap(),
        Value::Bool(truth) => encoder.bool(*truth).unwrap(),
        Value::Number(number) => match number.as_u64() {
            Some(whole) => encoder.u64(whole).unwrap(),
            None => encoder.f64(number.as_f64().unwrap()).unwrap(),
        },
        Value::String(text) => encoder.str(text).unwrap(),
        Value::Array(items) => {
            encoder.array(items.len() as u64).unwrap();
            for item in items {
                write(encoder, item);
            }
            encoder
        }
        Value::Object(members) => {
            encoder.map(members.len() as u64).unwrap();
            for (name, member) in members {
                encoder.str(name).unwrap();
                write(encoder, member);
            }
            encoder
        }
    };
}
