namespace Pilotfish.Runtime.Tls;

/// <summary>Envoy's names of key exchange groups, by OpenSSL's numbers (openssl/obj_mac.h).</summary>
internal static class TlsGroups
{
    /// <summary>OpenSSL marks groups without a NID with this and the number of RFC 8446 section 4.2.7 (TLSEXT_nid_unknown).</summary>
    private const int WithoutNid = 0x1000000;

    internal static string? Name(int nid) => nid switch
    {
        0 => null,
        415 => "P-256",
        715 => "P-384",
        716 => "P-521",
        1034 => "X25519",
        1035 => "X448",
        WithoutNid | 0x11EC => "X25519MLKEM768",
        _ when (nid & WithoutNid) != 0 => $"0x{nid & 0xFFFF:x4}",
        _ => null,
    };
}
