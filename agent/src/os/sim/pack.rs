//! Packs extension files as a browser does, so that a simulated terminal has real ones. The keys sign nothing else and are no
//! secrets: they stand here so that the same extension has the same id in every fleet.

use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair};
use sha2::{Digest, Sha256};

/// Private scalar and public point on P-256, in hexadecimal. The first three are those of the three extensions.
const KEYS: [(&str, &str); 6] = [
    (
        "66590ece56f18dff704363cfffb0a29dff6308bf9d4c09a61feb83c8a39a0c7c",
        "04a087f5a23952cb6fe8cc71485dd4982826184d0559a629e9752262f34b466ca4\
         554b175c16711ace69fc49232ef197091260263e0bf19f64506dbd2b82b06420",
    ),
    (
        "4ff6b39951cc8d37043a93867f3ca73d9dc6acb7b36cfccd98014c46c309dd19",
        "0470dccb80f721983e1957f858fa85d7cb9262b49fddacfd2390f7d6954062357f\
         9d408f16587e80e7edbe2893762493dd95bdda82bfc6d3ffbd99d6c69176a363",
    ),
    (
        "b1f462491c074119c4bc4095f4f3381478d39c5cce8638b42d7d6009e1fecaff",
        "046deeb98cfd1e0d0dbe65815993013d36b28f41d56d283d9caf170eebe723353a\
         558a75cbe6a44733bc77e186008aee9b99c76734d36aeedb360ea166a9750330",
    ),
    (
        "455e21f7a5cc260e82ae1d4da348ec699ae45bde9c6764f93b85d9ff210bed6d",
        "04a7472e81fbb1d0cbd86b1b7ae161874f94485debb441e03d876e49e26ea462af\
         7a76a0787ec47c8fa937fce3695ee4f59a5accbbae735342e0d1fefa6e4f119d",
    ),
    (
        "871ee412165bc5eabf3761721cedeb6caf56ef3049c020ad119193fee2d694d5",
        "04fec0ca285b54aa43428eb770ca25241357a945e5e79849aec0b2e6b5d4a79a96\
         c26e283e86fc067f898a5a72d80bb3c81d737e4267b59b5264d70158b0bcfa61",
    ),
    (
        "db708eb4f4a886c5d3224e1287c2649f2b3e3a9667c4fea2aada1f433c41e8b7",
        "044087dcc3986ecbeb90f22bd93705240a1dad9c88ea39ba75b3af144808f82ebd\
         3b013c52458a66ea4344c1d4e238fe34a8d8cd2b8d5ebd9155eaccbc3bf31617",
    ),
];

/// What stands before the point in a P-256 SubjectPublicKeyInfo.
const P256: &str = "3059301306072a8648ce3d020106082a8648ce3d030107034200";

pub struct Key {
    private: Vec<u8>,
    public: Vec<u8>,
}

impl Key {
    pub fn simulated(n: usize) -> Key {
        let (private, public) = KEYS[n % KEYS.len()];
        Key {
            private: hex::decode(private).unwrap_or_default(),
            public: hex::decode(public).unwrap_or_default(),
        }
    }

    fn info(&self) -> Vec<u8> {
        [hex::decode(P256).unwrap_or_default().as_slice(), &self.public].concat()
    }

    pub fn id(&self) -> String {
        crate::crx::id_of(&self.info())
    }

    /// Nothing where the constants above are no key.
    fn sign(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        let algorithm = &ECDSA_P256_SHA256_ASN1_SIGNING;
        let pair = EcdsaKeyPair::from_private_key_and_public_key(algorithm, &self.private, &self.public, &random);
        let signature = pair.ok().and_then(|pair| pair.sign(&random, message).ok());
        signature
            .map(|signature| signature.as_ref().to_vec())
            .unwrap_or_default()
    }
}

pub fn pack(key: &Key, manifest: &str) -> Vec<u8> {
    packed(key, &key.info(), manifest)
}

/// A file that claims the id of one key and is signed by another.
#[cfg(test)]
pub fn signed_by_another(claimed: usize, signer: usize) -> Vec<u8> {
    packed(
        &Key::simulated(signer),
        &Key::simulated(claimed).info(),
        r#"{"version": "1"}"#,
    )
}

fn packed(key: &Key, claimed: &[u8], manifest: &str) -> Vec<u8> {
    let archive = archive("manifest.json", manifest.as_bytes());
    let signed = field(1, &Sha256::digest(claimed)[..16]);
    let message = [
        b"CRX3 SignedData\0".as_slice(),
        &(signed.len() as u32).to_le_bytes(),
        &signed,
        &archive,
    ]
    .concat();
    let proof = [field(1, &key.info()), field(2, &key.sign(&message))].concat();
    let header = [field(3, &proof), field(10_000, &signed)].concat();
    let length = (header.len() as u32).to_le_bytes();
    [b"Cr24\x03\0\0\0".as_slice(), &length, &header, &archive].concat()
}

fn field(number: u32, bytes: &[u8]) -> Vec<u8> {
    let mut field = varint(number << 3 | 2);
    field.extend(varint(bytes.len() as u32));
    field.extend_from_slice(bytes);
    field
}

fn varint(mut number: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number > 0x7f {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}

/// A ZIP archive of one member.
fn archive(name: &str, content: &[u8]) -> Vec<u8> {
    let packed = miniz_oxide::deflate::compress_to_vec(content, 6);
    let (name_length, size, packed_size) = (name.len() as u16, content.len() as u32, packed.len() as u32);
    let mut common = Vec::new();
    // Version, flags, method (deflated), time, date.
    for short in [20u16, 0, 8, 0, 0x5a21] {
        common.extend(short.to_le_bytes());
    }
    for long in [crc32(content), packed_size, size] {
        common.extend(long.to_le_bytes());
    }
    common.extend(name_length.to_le_bytes());
    let local = [b"PK\x03\x04".as_slice(), &common, &[0; 2], name.as_bytes(), &packed].concat();
    let entry = [b"PK\x01\x02\x14\0".as_slice(), &common, &[0; 16], name.as_bytes()].concat();
    let mut end = b"PK\x05\x06\0\0\0\0\x01\0\x01\0".to_vec();
    end.extend((entry.len() as u32).to_le_bytes());
    end.extend((local.len() as u32).to_le_bytes());
    end.extend([0; 2]);
    [local, entry, end].concat()
}

fn crc32(bytes: &[u8]) -> u32 {
    let mut sum = u32::MAX;
    for byte in bytes {
        sum ^= u32::from(*byte);
        for _ in 0..8 {
            sum = (sum >> 1) ^ (0xedb8_8320 & (sum & 1).wrapping_neg());
        }
    }
    !sum
}
