namespace Pilotfish.Runtime.Tls;

/// <summary>Names of signature schemes as BoringSSL and so Envoy's statistics have them, by OpenSSL's numbers (openssl/obj_mac.h).</summary>
internal static class TlsSignatures
{
    private const int Rsa = 6;
    private const int EcPublicKey = 408;
    private const int RsaPss = 912;
    private const int Ed25519 = 1087;

    internal static string? Name(int type, int hash)
    {
        string? digest = hash switch
        {
            64 => "sha1",
            672 => "sha256",
            673 => "sha384",
            674 => "sha512",
            _ => null,
        };
        return (type, digest) switch
        {
            (Ed25519, _) => "ed25519",
            (_, null) => null,
            (Rsa, _) => "rsa_pkcs1_" + digest,
            (RsaPss, _) => "rsa_pss_rsae_" + digest,
            (EcPublicKey, "sha256") => "ecdsa_secp256r1_sha256",
            (EcPublicKey, "sha384") => "ecdsa_secp384r1_sha384",
            (EcPublicKey, "sha512") => "ecdsa_secp521r1_sha512",
            (EcPublicKey, _) => "ecdsa_" + digest,
            _ => null,
        };
    }
}
