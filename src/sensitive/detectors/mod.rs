//! The catalogue: one file for each type of sensitive data.
//!
//! A detector is declared, not programmed: its names, its pattern, its words and its examples stand together in its
//! file, and one test runs all examples of all detectors. Their order here is the order of their ids.

mod age;
mod api_key;
mod aws_access_key;
mod aws_secret_key;
mod bedrock_api_key;
mod btc_address;
mod ca_health;
mod ca_sin;
mod card;
mod card_expiry;
mod cvv;
mod date;
mod driver_id;
mod email;
mod github_token;
mod iban;
mod in_aadhaar;
mod in_nrega;
mod in_pan;
mod in_voter;
mod ip_address;
mod jwt;
mod license_plate;
mod mac_address;
mod password;
mod phone;
mod pin;
mod private_key;
mod secret;
mod slack_token;
mod ssn;
mod swift_code;
mod uk_nhs;
mod uk_nino;
mod uk_utr;
mod url;
mod us_bank_account;
mod us_bank_routing;
mod us_itin;
mod us_passport;
mod username;
mod vin;

use super::candidate::Detector;

/// Every detector there is.
pub(super) static CATALOGUE: [&Detector; 42] = [
    &email::DETECTOR,
    &phone::DETECTOR,
    &url::DETECTOR,
    &ip_address::DETECTOR,
    &mac_address::DETECTOR,
    &username::DETECTOR,
    &age::DETECTOR,
    &date::DETECTOR,
    &card::DETECTOR,
    &cvv::DETECTOR,
    &card_expiry::DETECTOR,
    &pin::DETECTOR,
    &iban::DETECTOR,
    &swift_code::DETECTOR,
    &us_bank_account::DETECTOR,
    &us_bank_routing::DETECTOR,
    &btc_address::DETECTOR,
    &ssn::DETECTOR,
    &us_itin::DETECTOR,
    &us_passport::DETECTOR,
    &driver_id::DETECTOR,
    &license_plate::DETECTOR,
    &vin::DETECTOR,
    &uk_nhs::DETECTOR,
    &uk_nino::DETECTOR,
    &uk_utr::DETECTOR,
    &ca_sin::DETECTOR,
    &ca_health::DETECTOR,
    &in_aadhaar::DETECTOR,
    &in_pan::DETECTOR,
    &in_voter::DETECTOR,
    &in_nrega::DETECTOR,
    &aws_access_key::DETECTOR,
    &aws_secret_key::DETECTOR,
    &bedrock_api_key::DETECTOR,
    &github_token::DETECTOR,
    &slack_token::DETECTOR,
    &api_key::DETECTOR,
    &jwt::DETECTOR,
    &private_key::DETECTOR,
    &secret::DETECTOR,
    &password::DETECTOR,
];
