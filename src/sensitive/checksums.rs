//! The arithmetic that tells numbers from what merely looks like them.
//!
//! Receives digits or characters of a candidate and returns whether their check digits are right. Knows nothing of
//! lengths, prefixes or countries; those belong to the detectors.

use super::candidate::digits;

/// The Luhn check of cards and Canadian numbers, from the right.
pub(super) fn luhn(text: &str) -> bool {
    let doubled = |(place, digit): (usize, u32)| {
        if place % 2 == 0 { digit } else { digit * 2 / 10 + digit * 2 % 10 }
    };
    digits(text).rev().enumerate().map(doubled).sum::<u32>().is_multiple_of(10)
}

/// ISO 7064 modulo 97, as IBANs have it: the first four characters moved to the end, letters counted from 10.
pub(super) fn mod_97(text: &str) -> bool {
    let characters = || text.chars().filter(char::is_ascii_alphanumeric);
    let moved = characters().skip(4).chain(characters().take(4));
    let remainder = moved.filter_map(|character| character.to_digit(36)).fold(0, |remainder, value| {
        let shift = if value < 10 { 10 } else { 100 };
        (remainder * shift + value) % 97
    });
    remainder == 1
}

/// The sum of digits times weights.
pub(super) fn weighted(text: &str, weights: &[u32]) -> u32 {
    digits(text).zip(weights).map(|(digit, weight)| digit * weight).sum()
}

/// Modulo 11 of a British NHS number: weights 10 to 2, and a last digit that makes up the difference.
pub(super) fn nhs(text: &str) -> bool {
    let sum = weighted(text, &[10, 9, 8, 7, 6, 5, 4, 3, 2]);
    digits(text).last() == Some((11 - sum % 11) % 11)
}

/// Modulo 11 of a British taxpayer reference, whose first digit checks the other nine.
pub(super) fn utr(text: &str) -> bool {
    const CHECKS: [u32; 11] = [2, 1, 9, 8, 7, 6, 5, 4, 3, 2, 1];
    let sum = weighted(text, &[0, 6, 7, 8, 9, 10, 5, 4, 3, 2]);
    let check = usize::try_from(sum % 11).ok().and_then(|remainder| CHECKS.get(remainder));
    digits(text).next().as_ref() == check
}

/// Weights 3, 7, 1 of routing numbers of the American Bankers Association.
pub(super) fn aba(text: &str) -> bool {
    weighted(text, &[3, 7, 1, 3, 7, 1, 3, 7, 1]).is_multiple_of(10)
}

/// Verhoeff's check of Indian Aadhaar numbers.
pub(super) fn verhoeff(text: &str) -> bool {
    const PERMUTE: [[usize; 10]; 8] = [
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
        [1, 5, 7, 6, 2, 8, 3, 0, 9, 4],
        [5, 8, 0, 3, 7, 9, 6, 1, 4, 2],
        [8, 9, 1, 6, 0, 4, 3, 5, 2, 7],
        [9, 4, 5, 3, 1, 2, 6, 8, 7, 0],
        [4, 2, 8, 6, 5, 7, 3, 9, 0, 1],
        [2, 7, 9, 3, 8, 0, 6, 4, 1, 5],
        [7, 0, 4, 6, 9, 1, 3, 2, 5, 8],
    ];
    let permuted = |(place, digit): (usize, u32)| {
        let row = PERMUTE.get(place % 8)?;
        row.get(usize::try_from(digit).ok()?).copied()
    };
    digits(text)
        .rev()
        .enumerate()
        .try_fold(0, |check, digit| permuted(digit).map(|digit| dihedral(check, digit)))
        == Some(0)
}

/// Multiplication in the dihedral group of order ten.
const fn dihedral(left: usize, right: usize) -> usize {
    match (left < 5, right < 5) {
        (true, true) => (left + right) % 5,
        (true, false) => 5 + (left + right - 5) % 5,
        (false, true) => 5 + (left - 5 + 5 - right) % 5,
        (false, false) => (left + 5 - right) % 5,
    }
}

/// The ninth character of a vehicle identification number, which checks the other sixteen (49 CFR 565).
pub(super) fn vin(text: &str) -> bool {
    const WEIGHTS: [u32; 17] = [8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2];
    let value = |byte: u8| match byte.to_ascii_uppercase() {
        digit @ b'0'..=b'9' => Some(u32::from(digit - b'0')),
        letter @ b'A'..=b'H' => Some(u32::from(letter - b'A') + 1),
        letter @ b'J'..=b'R' => Some(u32::from(letter - b'J') + 1),
        letter @ b'S'..=b'Z' => Some(u32::from(letter - b'S') + 2),
        _ => None,
    };
    let values: Option<Vec<u32>> = text.bytes().map(value).collect();
    let sum: Option<u32> =
        values.map(|values| values.iter().zip(WEIGHTS).map(|(value, weight)| value * weight).sum());
    let check = text.as_bytes().get(8).map(|byte| match byte {
        b'X' | b'x' => 10,
        byte => u32::from(byte.saturating_sub(b'0')),
    });
    sum.map(|sum| sum % 11) == check
}

/// The four bytes that end a Base58Check address: the beginning of its double SHA-256.
pub(super) fn base58(text: &str) -> bool {
    const ALPHABET: &[u8] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
    let mut bytes = [0_u8; 25];
    for character in text.bytes() {
        let Some(value) = ALPHABET.iter().position(|&one| one == character) else { return false };
        let Ok(mut carry) = u32::try_from(value) else { return false };
        for byte in bytes.iter_mut().rev() {
            carry += u32::from(*byte) * 58;
            *byte = carry.to_le_bytes()[0];
            carry >>= 8;
        }
        if carry > 0 {
            return false;
        }
    }
    let (payload, check) = bytes.split_at(21);
    let sha256 = |bytes: &[u8]| aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes);
    sha256(sha256(payload).as_ref()).as_ref().starts_with(check)
}

/// The checksum of a Bech32 or Bech32m address (BIP 173, BIP 350) whose human-readable part is `bc`.
pub(super) fn bech32(text: &str) -> bool {
    const ALPHABET: &[u8] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";
    const GENERATORS: [u32; 5] = [0x3B6A_57B2, 0x2650_8E6D, 0x1EA1_19FA, 0x3D42_33DD, 0x2A14_62B3];
    const BECH32: u32 = 1;
    const BECH32M: u32 = 0x2BC8_30A3;
    let step = |check: u32, value: u32| {
        let top = check >> 25;
        let shifted = ((check & 0x01FF_FFFF) << 5) ^ value;
        GENERATORS.iter().enumerate().fold(shifted, |check, (bit, generator)| {
            if top >> bit & 1 == 1 { check ^ generator } else { check }
        })
    };
    let data = text.bytes().skip("bc1".len()).map(|byte| {
        let place = ALPHABET.iter().position(|&one| one == byte.to_ascii_lowercase())?;
        u32::try_from(place).ok()
    });
    let prefix = [3, 3, 0, 2, 3].into_iter().map(Some);
    let sum = prefix.chain(data).try_fold(1, |check, value| value.map(|value| step(check, value)));
    sum.is_some_and(|sum| sum == BECH32 || sum == BECH32M)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_examples_pass_and_their_neighbours_fail() {
        type Check = fn(&str) -> bool;
        let cases: [(Check, &str, &str); 9] = [
            (luhn, "79927398713", "79927398710"),
            (mod_97, "GB82 WEST 1234 5698 7654 32", "GB82 WEST 1234 5698 7654 23"),
            (nhs, "943 476 5919", "943 476 5918"),
            (utr, "1955839661", "2955839661"),
            (aba, "021000021", "021000012"),
            (verhoeff, "2363", "2364"),
            (vin, "1M8GDM9AXKP042788", "1M8GDM9A1KP042788"),
            (base58, "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb"),
            (
                bech32,
                "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4",
                "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t5",
            ),
        ];
        for (check, right, wrong) in cases {
            assert!(check(right), "{right}");
            assert!(!check(wrong), "{wrong}");
        }
    }
}
