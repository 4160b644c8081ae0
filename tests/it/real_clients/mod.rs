//! Unmodified clients of Amazon Bedrock against a warden.
//!
//! The AWS SDKs run the same application in three languages through one table of what it must see. Every other client
//! does what an application does with it: an answer, a stream, and both of them refused. The README's table of clients is
//! what these runs came to.

mod application;
mod boto3;
mod expected;
mod javascript;
mod others;
mod rust;
mod table;
