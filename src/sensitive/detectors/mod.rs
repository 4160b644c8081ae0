//! The catalogue: one file for each type of sensitive data.
//!
//! A detector is declared, not programmed: its names, its pattern, its words and its examples stand together in its
//! file, and one test runs all examples of all detectors. Their order here is the order of their ids.

mod aws_access_key;
mod aws_secret_key;
mod card;
mod email;
mod iban;
mod ip_address;
mod jwt;
mod phone;
mod private_key;
mod ssn;

use super::candidate::Detector;

/// Every detector there is.
pub(super) static CATALOGUE: [&Detector; 10] = [
    &email::DETECTOR,
    &phone::DETECTOR,
    &card::DETECTOR,
    &iban::DETECTOR,
    &ssn::DETECTOR,
    &ip_address::DETECTOR,
    &aws_access_key::DETECTOR,
    &aws_secret_key::DETECTOR,
    &private_key::DETECTOR,
    &jwt::DETECTOR,
];
