//! Unmodified AWS SDKs against a warden: the same application in three languages, one table of what it must see.

mod boto3;
mod expected;
mod javascript;
mod rust;
