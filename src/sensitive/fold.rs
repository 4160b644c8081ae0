//! What a character looks like to a reader, in ASCII.
//!
//! Receives one character outside ASCII and returns the ASCII character it passes for, or that it passes for nothing.
//! Covers what Unicode's compatibility normalisation folds to one ASCII character, every decimal digit, dash and
//! space, the Cyrillic and Greek letters that no reader tells from Latin ones, and what leaves no mark on the page.

/// How a character outside ASCII takes part in matching.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fold {
    /// As this ASCII character.
    To(u8),
    /// Not at all: it is invisible, or only decorates the character before it.
    Drop,
    /// As itself.
    Keep,
}

pub(super) fn fold(character: char) -> Fold {
    let code = u32::from(character);
    if is_unseen(code) {
        return Fold::Drop;
    }
    digit(code)
        .or_else(|| letter(code))
        .or_else(|| twin(character))
        .or_else(|| punctuation(code))
        .map_or(Fold::Keep, Fold::To)
}

/// Format characters, joiners, fillers, variation selectors and combining marks.
fn is_unseen(code: u32) -> bool {
    matches!(
        code,
        0xAD | 0x300..=0x36F
            | 0x61C
            | 0x115F..=0x1160
            | 0x180B..=0x180F
            | 0x1AB0..=0x1AFF
            | 0x1DC0..=0x1DFF
            | 0x200B..=0x200F
            | 0x202A..=0x202E
            | 0x2060..=0x206F
            | 0x20D0..=0x20FF
            | 0x3164
            | 0xFE00..=0xFE0F
            | 0xFE20..=0xFE2F
            | 0xFEFF
            | 0xFFA0
            | 0xFFF9..=0xFFFB
            | 0x1BCA0..=0x1BCA3
            | 0x1D173..=0x1D17A
            | 0xE0000..=0xE0FFF
    )
}

fn digit(code: u32) -> Option<u8> {
    // Mathematical digits come in five styles, one after the other.
    if let Some(offset) = offset(code, 0x1D7CE, 50) {
        return Some(b'0' + offset % 10);
    }
    let one_to_nine = [0x2460, 0x2474, 0x2488, 0x24F5, 0x2776, 0x2780, 0x278A];
    match code {
        0xB2 | 0xB3 => return Some(b'2' + u8::try_from(code - 0xB2).ok()?),
        0xB9 => return Some(b'1'),
        0x24EA | 0x24FF | 0x2070 | 0x1F10B | 0x1F10C => return Some(b'0'),
        _ => {}
    }
    let from_one = one_to_nine.into_iter().find_map(|one| offset(code, one, 9)).map(|offset| b'1' + offset);
    let super_or_sub = offset(code, 0x2074, 6)
        .map(|offset| b'4' + offset)
        .or(offset(code, 0x2080, 10).map(|offset| b'0' + offset));
    let decimal = || {
        let index = ZEROS.partition_point(|&zero| zero <= code).checked_sub(1)?;
        offset(code, *ZEROS.get(index)?, 10).map(|offset| b'0' + offset)
    };
    from_one.or(super_or_sub).or_else(decimal)
}

fn letter(code: u32) -> Option<u8> {
    if let Some(offset) = offset(code, 0x24B6, 52) {
        return Some(latin(offset));
    }
    // Mathematical letters come in thirteen styles of 52; letters that Unicode had before are left out of them.
    if (0x1D400..0x1D6A4).contains(&code) {
        return u8::try_from((code - 0x1D400) % 52).ok().map(latin);
    }
    let single = match code {
        0x210E => b'h',
        0x212C => b'B',
        0x212F | 0x2147 => b'e',
        0x2130 => b'E',
        0x2131 => b'F',
        0x210B..=0x210D => b'H',
        0x2110 | 0x2111 => b'I',
        0x2112 => b'L',
        0x2133 => b'M',
        0x211B..=0x211D => b'R',
        0x210A => b'g',
        0x2134 | 0xBA => b'o',
        0x2102 | 0x212D => b'C',
        0x2115 => b'N',
        0x2119 => b'P',
        0x211A => b'Q',
        0x2124 | 0x2128 => b'Z',
        0x212A => b'K',
        0x2113 => b'l',
        0x2139 => b'i',
        0x17F => b's',
        _ => return None,
    };
    Some(single)
}

/// The Latin letter that a letter of another script looks exactly like. Letters that merely resemble one are left alone.
fn twin(character: char) -> Option<u8> {
    const TWINS: [(&str, &str); 4] = [
        ("АВЕЅІЈКМНОРСТУХҮԚԜ", "ABESIJKMHOPCTYXYQW"),
        ("аеорсухѕіјһԁԛԝӏ", "aeopcyxsijhdqwl"),
        ("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "ABEZHIKMNOPTYX"),
        ("οϲϳɑɡ", "ocjag"),
    ];
    if !(0x251..0x530).contains(&u32::from(character)) {
        return None;
    }
    let pairs = TWINS.iter().flat_map(|(letters, latin)| letters.chars().zip(latin.bytes()));
    pairs.into_iter().find(|(letter, _)| *letter == character).map(|(_, latin)| latin)
}

/// Letter number 0–51: the capitals, then the small ones.
fn latin(number: u8) -> u8 {
    if number < 26 { b'A' + number } else { b'a' + (number - 26) }
}

fn punctuation(code: u32) -> Option<u8> {
    // Full-width forms of all of printable ASCII.
    if let Some(offset) = offset(code, 0xFF01, 94) {
        return Some(b'!' + offset);
    }
    let folded = match code {
        0x58A
        | 0x5BE
        | 0x1400
        | 0x1806
        | 0x2010..=0x2015
        | 0x2043
        | 0x207B
        | 0x208B
        | 0x2212
        | 0x2E17
        | 0x2E1A
        | 0x2E3A
        | 0x2E3B
        | 0x2E40
        | 0x2E5D
        | 0x301C
        | 0x3030
        | 0x30A0
        | 0xFE31
        | 0xFE32
        | 0xFE58
        | 0xFE63
        | 0x10EAD => b'-',
        0xA0 | 0x1680 | 0x2000..=0x200A | 0x202F | 0x205F | 0x3000 => b' ',
        0x85 | 0x2028 | 0x2029 => b'\n',
        0x2024 | 0xFE52 => b'.',
        0xFE50 => b',',
        0x207A | 0x208A | 0xFE62 => b'+',
        0x207D | 0x208D | 0xFE59 => b'(',
        0x207E | 0x208E | 0xFE5A => b')',
        0x2044 | 0x2215 => b'/',
        0x2236 | 0xFE55 | 0xFE13 => b':',
        0xFE33 | 0xFE34 | 0xFE4D..=0xFE4F => b'_',
        0xFE66 => b'=',
        0xFE6B => b'@',
        _ => return None,
    };
    Some(folded)
}

/// How far `code` lies behind `first`, when that is less than `count`.
fn offset(code: u32, first: u32, count: u8) -> Option<u8> {
    u8::try_from(code.checked_sub(first)?).ok().filter(|&offset| offset < count)
}

/// The zero of every run of ten decimal digits outside ASCII (Unicode general category `Nd`), in ascending order.
const ZEROS: [u32; 70] = [
    0x660, 0x6F0, 0x7C0, 0x966, 0x9E6, 0xA66, 0xAE6, 0xB66, 0xBE6, 0xC66, 0xCE6, 0xD66, 0xDE6, 0xE50, 0xED0,
    0xF20, 0x1040, 0x1090, 0x17E0, 0x1810, 0x1946, 0x19D0, 0x1A80, 0x1A90, 0x1B50, 0x1BB0, 0x1C40, 0x1C50,
    0xA620, 0xA8D0, 0xA900, 0xA9D0, 0xA9F0, 0xAA50, 0xABF0, 0xFF10, 0x104A0, 0x10D30, 0x10D40, 0x11066,
    0x110F0, 0x11136, 0x111D0, 0x112F0, 0x11450, 0x114D0, 0x11650, 0x116C0, 0x116D0, 0x116DA, 0x11730,
    0x118E0, 0x11950, 0x11BF0, 0x11C50, 0x11D50, 0x11DA0, 0x11F50, 0x16130, 0x16A60, 0x16AC0, 0x16B50,
    0x16D70, 0x1CCF0, 0x1E140, 0x1E2F0, 0x1E4F0, 0x1E5F1, 0x1E950, 0x1FBF0,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_fold_to_what_they_pass_for() {
        let cases = [
            ("０１９", "019"),
            ("٠٩۰۹०९০৯๐๙", "0909090909"),
            ("𝟎𝟗𝟘𝟡𝟢𝟫𝟬𝟵𝟶𝟿", "0909090909"),
            ("⓪①⑨❶❾➀➊⑴⒈⓵", "0191911111"),
            ("⁰¹²³⁴⁹₀₉", "01234909"),
            ("ＡＺａｚ＠．－", "AZaz@.-"),
            ("𝐀𝐳𝔸𝕫ⒶⓏⓐⓩ", "AzAzAZaz"),
            ("АКІАаеорсухОΟο", "AKIAaeopcyxOOo"),
            ("‐‑‒–—―−﹣〜", "---------"),
            ("\u{a0}\u{2009}\u{202f}\u{3000}", "    "),
            ("\u{200b}\u{ad}\u{feff}\u{202e}\u{2066}\u{fe0f}\u{20e3}\u{301}\u{e0041}", ""),
        ];
        for (text, expected) in cases {
            let folded: String = text
                .chars()
                .filter_map(|character| match fold(character) {
                    Fold::To(byte) => Some(char::from(byte)),
                    Fold::Drop => None,
                    Fold::Keep => Some(character),
                })
                .collect();
            assert_eq!(folded, expected, "{text}");
        }
        for kept in "éßñ漢字лдйияжбвωπα€👍\u{1f468}".chars() {
            assert_eq!(fold(kept), Fold::Keep, "{kept}");
        }
        assert!(ZEROS.is_sorted());
    }
}
