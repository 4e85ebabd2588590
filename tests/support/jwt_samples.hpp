#pragma once

/// Tokens of an identity provider that is none: signed once with keys that were thrown away. Most are valid until 2100.
namespace tenon::tests::jwt_samples {

inline constexpr const char* issuer = "https://login.example.org";
inline constexpr const char* audience = "studio";

inline constexpr const char* jwks =
    R"({"keys":[{"kty":"RSA","kid":"rsa-1","alg":"RS256","use":"sig","n":"8jcOUyMZQJIiRSJg54ntwXr0F_a9G6rEtG7qVfMnwUo)"
    R"(SrVGJxCgcrckKdg0gwSRzIFg4eqW8am6J0_kxepXxDfaHyYOw1jDNu0qZNsgKHbLtB9CXnRqvNoltZbskgEg8qB5D5poZWJ9NDBibTDMsVQ6t5)"
    R"(9CPhixyYqnnM0xmv95x6vfIWS-_1Ro5jnCKmJJ2bjREi26Z4-rI1lZ6pSL3sjdSOtu-ayAouMl4OGI83BuOY3sDPvJ2APh1KgFV0APsF7ouQMw)"
    R"(i48CKMe7W4JZrCbCriXOEJ9O4xV10p2SHJE9Om3Kxidbzy5zGNv8Y9uILpNWshWfC8Fef7i2xhyT3SQ","e":"AQAB"},{"kty":"EC","kid")"
    R"(:"ec-1","alg":"ES256","use":"sig","crv":"P-256","x":"P9KtskA6roFx1-0-OdK-C_5AKUm2EU0-3i-KiQqUwVg","y":"qXv9_5D)"
    R"(fvKdHVOLMjcaLPoNP0SZJsD07M_cos2bd0ng"}]})";
inline constexpr const char* rs256 =
    "eyJhbGciOiJSUzI1NiIsImtpZCI6InJzYS0xIiwidHlwIjoiSldUIn0.eyJpc3MiOiJodHRwczovL2xvZ2luLmV4YW1wbGUub3JnIiwiYXVkIjpbInN0dWRp"
    "byIsIm90aGVyIl0sInN1YiI6ImFubmEtNDcxMSIsImVtYWlsIjoiYW5uYUBleGFtcGxlLm9yZyIsImVtYWlsX3ZlcmlmaWVkIjp0cnVlLCJpYXQiOjE3Njcy"
    "MjU2MDAsImV4cCI6NDEwMjQ0NDgwMH0.x965Mg1aakSpVmfAPQlIr0jgF9_KPCGr6G9urophNw3Him9HqKXHXnEw-8UBchhkPmaGgJKsQmp9plHwRqoAybvx"
    "xIe9ye-pmrtkQ8q-XuyZrd6Nw4sTmE2Dz6U4Cofe7fwbrI6Dm8h2mzf6pRBRDT1cCu-cSBKk7d6K4uWfkvhPKe7S9zcWB3heUSZlU3sWhv3TkWXm3knHe0Fc"
    "oxAz4u9lzq7It9JT55CTJkolj_aL69R2RSYiMgJJ95y9nQu_-QAZ8oGI076ZYn0zNgGn3L5UYXYqN-TSzGqU9exIcAfkALckc3FFoaM-vOKFBZfmZ7zVQQx9"
    "DXmz054ks6b3fw";
inline constexpr const char* es256 =
    "eyJhbGciOiJFUzI1NiIsImtpZCI6ImVjLTEiLCJ0eXAiOiJKV1QifQ.eyJpc3MiOiJodHRwczovL2xvZ2luLmV4YW1wbGUub3JnIiwiYXVkIjpbInN0dWRpb"
    "yIsIm90aGVyIl0sInN1YiI6ImFubmEtNDcxMSIsImVtYWlsIjoiYW5uYUBleGFtcGxlLm9yZyIsImVtYWlsX3ZlcmlmaWVkIjp0cnVlLCJpYXQiOjE3NjcyM"
    "jU2MDAsImV4cCI6NDEwMjQ0NDgwMH0.LUHH3DdZlOyrkLkLoEgi5tXB1g0snb3VwVG2r_58fhfECjpklBaNMRYCg0fbfpandQA_1cYOXzj1ZbEdxbfQjQ";
inline constexpr const char* unverified =
    "eyJhbGciOiJFUzI1NiIsImtpZCI6ImVjLTEiLCJ0eXAiOiJKV1QifQ.eyJpc3MiOiJodHRwczovL2xvZ2luLmV4YW1wbGUub3JnIiwiYXVkIjpbInN0dWRpb"
    "yIsIm90aGVyIl0sInN1YiI6ImFubmEtNDcxMSIsImVtYWlsIjoiYW5uYUBleGFtcGxlLm9yZyIsImVtYWlsX3ZlcmlmaWVkIjpmYWxzZSwiaWF0IjoxNzY3M"
    "jI1NjAwLCJleHAiOjQxMDI0NDQ4MDB9.WkYi8SqMbkleptCwgooX1ghUOBYMJmUo0j6qaktfj7qbiQz1cH7rnsdAKlO0YhOAr04y6kNk1WdoM42MifslbQ";
inline constexpr const char* no_exp =
    "eyJhbGciOiJFUzI1NiIsImtpZCI6ImVjLTEifQ.eyJpc3MiOiJodHRwczovL2xvZ2luLmV4YW1wbGUub3JnIiwiYXVkIjpbInN0dWRpbyIsIm90aGVyIl0sI"
    "nN1YiI6ImFubmEtNDcxMSIsImVtYWlsIjoiYW5uYUBleGFtcGxlLm9yZyIsImVtYWlsX3ZlcmlmaWVkIjp0cnVlLCJpYXQiOjE3NjcyMjU2MDB9.jK_iQK62"
    "b7czTnKflodBVlaP2OKu4MdAfx_jMp-ZWlS-xOip8DKfltyMM7P5CI6B-o7GwnLmBXSy4pOWtNV_IA";
inline constexpr const char* no_aud =
    "eyJhbGciOiJFUzI1NiIsImtpZCI6ImVjLTEifQ.eyJpc3MiOiJodHRwczovL2xvZ2luLmV4YW1wbGUub3JnIiwic3ViIjoiYW5uYS00NzExIiwiZW1haWwiO"
    "iJhbm5hQGV4YW1wbGUub3JnIiwiZW1haWxfdmVyaWZpZWQiOnRydWUsImlhdCI6MTc2NzIyNTYwMCwiZXhwIjo0MTAyNDQ0ODAwfQ.lOFp_1cFSb73lJp1iq"
    "hjawiiWoKHEbTOVfOiMi5oE3Wzu5i1C72L815-A6kHp58t8pEIyFMlZSAF-zfn9IU94A";
inline constexpr const char* other_aud =
    "eyJhbGciOiJFUzI1NiIsImtpZCI6ImVjLTEifQ.eyJpc3MiOiJodHRwczovL2xvZ2luLmV4YW1wbGUub3JnIiwiYXVkIjoiZWxzZXdoZXJlIiwic3ViIjoiY"
    "W5uYS00NzExIiwiZW1haWwiOiJhbm5hQGV4YW1wbGUub3JnIiwiZW1haWxfdmVyaWZpZWQiOnRydWUsImlhdCI6MTc2NzIyNTYwMCwiZXhwIjo0MTAyNDQ0O"
    "DAwfQ.rbWC0zRWd3e7AAE9O-U6tQEK0rtdjqOnl-iUjhDAkVQWHhQGMakMjY-2hgyGnUehpFzwlQSG46-nG3YKTaJYCQ";
inline constexpr const char* expired =
    "eyJhbGciOiJFUzI1NiIsImtpZCI6ImVjLTEifQ.eyJpc3MiOiJodHRwczovL2xvZ2luLmV4YW1wbGUub3JnIiwiYXVkIjpbInN0dWRpbyIsIm90aGVyIl0sI"
    "nN1YiI6ImFubmEtNDcxMSIsImVtYWlsIjoiYW5uYUBleGFtcGxlLm9yZyIsImVtYWlsX3ZlcmlmaWVkIjp0cnVlLCJpYXQiOjE3NjcyMjU2MDAsImV4cCI6M"
    "Tc2NzIyOTIwMH0.u4XPhmMIZOUeMKR5Q7qRuXQE7CyoZISUEiTkF81CSTW05KguAA56fd3LegOHAFu3y1H3TdaOqRnUYnhgup2Wrw";
inline constexpr const char* crit =
    "eyJhbGciOiJFUzI1NiIsImtpZCI6ImVjLTEiLCJjcml0IjpbImV4cCJdfQ.eyJpc3MiOiJodHRwczovL2xvZ2luLmV4YW1wbGUub3JnIiwiYXVkIjpbInN0d"
    "WRpbyIsIm90aGVyIl0sInN1YiI6ImFubmEtNDcxMSIsImVtYWlsIjoiYW5uYUBleGFtcGxlLm9yZyIsImVtYWlsX3ZlcmlmaWVkIjp0cnVlLCJpYXQiOjE3N"
    "jcyMjU2MDAsImV4cCI6NDEwMjQ0NDgwMH0.T7UaPNVtOMgUcgQ25ardFcXdEHa5881Is8eyg0uRLb16G7tLR-75chh7eWmiVD4H4kgPh-I5vp7mC6NMTWNcH"
    "A";
inline constexpr const char* jku =
    "eyJhbGciOiJFUzI1NiIsImtpZCI6ImVjLTEiLCJqa3UiOiJodHRwczovL2V2aWwuZXhhbXBsZS9qd2tzIn0.eyJpc3MiOiJodHRwczovL2xvZ2luLmV4YW1w"
    "bGUub3JnIiwiYXVkIjpbInN0dWRpbyIsIm90aGVyIl0sInN1YiI6ImFubmEtNDcxMSIsImVtYWlsIjoiYW5uYUBleGFtcGxlLm9yZyIsImVtYWlsX3Zlcmlm"
    "aWVkIjp0cnVlLCJpYXQiOjE3NjcyMjU2MDAsImV4cCI6NDEwMjQ0NDgwMH0.jAICxVhk93FoZ7VyRGjXCK13XKqFCCg2Mu1SAuULvzy7m-Z9l4TdmF2LSPzD"
    "NVVNIQDnXwQ6uGoSHkQgFR8KPg";
inline constexpr const char* jwk =
    "eyJhbGciOiJFUzI1NiIsImtpZCI6ImVjLTEiLCJqd2siOnsia3R5IjoiRUMiLCJraWQiOiJlYy0xIiwiYWxnIjoiRVMyNTYiLCJ1c2UiOiJzaWciLCJjcnYi"
    "OiJQLTI1NiIsIngiOiJQOUt0c2tBNnJvRngxLTAtT2RLLUNfNUFLVW0yRVUwLTNpLUtpUXFVd1ZnIiwieSI6InFYdjlfNURmdktkSFZPTE1qY2FMUG9OUDBT"
    "WkpzRDA3TV9jb3MyYmQwbmcifX0.eyJpc3MiOiJodHRwczovL2xvZ2luLmV4YW1wbGUub3JnIiwiYXVkIjpbInN0dWRpbyIsIm90aGVyIl0sInN1YiI6ImFu"
    "bmEtNDcxMSIsImVtYWlsIjoiYW5uYUBleGFtcGxlLm9yZyIsImVtYWlsX3ZlcmlmaWVkIjp0cnVlLCJpYXQiOjE3NjcyMjU2MDAsImV4cCI6NDEwMjQ0NDgw"
    "MH0.3n2flocp1G3seQ4we1r-dzl3B6vfupXIokAV3Iz7UrThBhpam0Hik0IBtfBBxnau87n3Xxzd1NSq84n1lLYeiA";
inline constexpr const char* x5u =
    "eyJhbGciOiJFUzI1NiIsImtpZCI6ImVjLTEiLCJ4NXUiOiJodHRwczovL2V2aWwuZXhhbXBsZS94In0.eyJpc3MiOiJodHRwczovL2xvZ2luLmV4YW1wbGUu"
    "b3JnIiwiYXVkIjpbInN0dWRpbyIsIm90aGVyIl0sInN1YiI6ImFubmEtNDcxMSIsImVtYWlsIjoiYW5uYUBleGFtcGxlLm9yZyIsImVtYWlsX3ZlcmlmaWVk"
    "Ijp0cnVlLCJpYXQiOjE3NjcyMjU2MDAsImV4cCI6NDEwMjQ0NDgwMH0.n04Q3ZZ4nCbxXkWY4jnqPIYm4aRbQHVlGGJs0GzAzHzFzGWMYZVFV2JEK_6UoLVQ"
    "5pEzfYIyCkW1sYfqNPTbzA";
inline constexpr const char* other_issuer =
    "eyJhbGciOiJFUzI1NiIsImtpZCI6ImVjLTEifQ.eyJpc3MiOiJodHRwczovL2xvZ2luLmV4YW1wbGUub3JnLmV2aWwiLCJhdWQiOlsic3R1ZGlvIiwib3RoZ"
    "XIiXSwic3ViIjoiYW5uYS00NzExIiwiZW1haWwiOiJhbm5hQGV4YW1wbGUub3JnIiwiZW1haWxfdmVyaWZpZWQiOnRydWUsImlhdCI6MTc2NzIyNTYwMCwiZ"
    "XhwIjo0MTAyNDQ0ODAwfQ.454VoJYY6ffoRlSNYSldz0LZ6rEguII5CREBls-OC9r_cwTlBAnyZVfO37fYyHfcw7evpBVR29_jhE9Xx2IZzQ";
inline constexpr const char* duplicate =
    "eyJhbGciOiJFUzI1NiIsImtpZCI6ImVjLTEifQ.eyJpc3MiOiJodHRwczovL2xvZ2luLmV4YW1wbGUub3JnIiwiYXVkIjpbInN0dWRpbyIsIm90aGVyIl0sI"
    "nN1YiI6ImFubmEtNDcxMSIsImVtYWlsIjoiYW5uYUBleGFtcGxlLm9yZyIsImVtYWlsX3ZlcmlmaWVkIjp0cnVlLCJpYXQiOjE3NjcyMjU2MDAsImV4cCI6N"
    "DEwMjQ0NDgwMCwiYXVkIjoic3R1ZGlvIn0.NeXhrAXVtjv1vvPhGyYXn8AMwe9LbeOjBuw_-sG5dA8YQ_Q8JrgWgBv6yH6KzQEYkNjGuv4at3rs6jBycbUNp"
    "Q";
inline constexpr const char* hmac =
    "eyJhbGciOiJIUzI1NiIsImtpZCI6ImVjLTEifQ.eyJpc3MiOiJodHRwczovL2xvZ2luLmV4YW1wbGUub3JnIiwiYXVkIjpbInN0dWRpbyIsIm90aGVyIl0sI"
    "nN1YiI6ImFubmEtNDcxMSIsImVtYWlsIjoiYW5uYUBleGFtcGxlLm9yZyIsImVtYWlsX3ZlcmlmaWVkIjp0cnVlLCJpYXQiOjE3NjcyMjU2MDAsImV4cCI6N"
    "DEwMjQ0NDgwMH0.IiwWSqSk8QariiRy2Ct-mPtPjlwhu0IK6-lvL_u3wLc";
inline constexpr const char* none =
    "eyJhbGciOiJub25lIn0.eyJpc3MiOiJodHRwczovL2xvZ2luLmV4YW1wbGUub3JnIiwiYXVkIjpbInN0dWRpbyIsIm90aGVyIl0sInN1YiI6ImFubmEtNDcx"
    "MSIsImVtYWlsIjoiYW5uYUBleGFtcGxlLm9yZyIsImVtYWlsX3ZlcmlmaWVkIjp0cnVlLCJpYXQiOjE3NjcyMjU2MDAsImV4cCI6NDEwMjQ0NDgwMH0.";

}  // namespace tenon::tests::jwt_samples
