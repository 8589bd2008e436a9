using System.Runtime.InteropServices;

namespace Pilotfish.Runtime.Interop;

/// <summary>Whether this system's OpenSSL 3 can be used. Any thread; looked for once, when the first TLS context asks.</summary>
internal static unsafe class OpenSslLibrary
{
    /// <summary>
    /// A build may leave parts of OpenSSL 3 out, and only then is one of these missing; all others are older than its name.
    /// </summary>
    private static readonly string[] s_sslSymbols =
    [
        "SSL_get0_peer_certificate", "SSL_CTX_set_ciphersuites", "SSL_CTX_set_num_tickets", "SSL_CTX_set_alpn_select_cb",
        "SSL_has_pending", "SSL_key_update", "OPENSSL_cipher_name", "SSL_SESSION_is_resumable", "SSL_CTX_set_cert_verify_callback",
        "SSL_CTX_set_tlsext_ticket_key_evp_cb", "SSL_CTX_set_keylog_callback", "SSL_get_peer_signature_type_nid",
    ];

    private static readonly string[] s_cryptoSymbols =
        ["BIO_meth_set_read_ex", "BIO_meth_set_write_ex", "X509_STORE_CTX_get0_untrusted", "OPENSSL_sk_num", "d2i_AutoPrivateKey", "EVP_MAC_CTX_set_params"];

    private static readonly Lazy<string?> s_problem = new(Load);

    /// <summary>Null when it can be used, else one clause that says why not.</summary>
    internal static string? Problem => s_problem.Value;

    private static string? Load() =>
        Missing(LibSsl.Name, s_sslSymbols) ?? Missing(LibCrypto.Name, s_cryptoSymbols)
        ?? (LibSsl.OPENSSL_init_ssl(LibSsl.OPENSSL_INIT_NO_ATEXIT, null) == 1 ? null : "it does not initialise");

    private static string? Missing(string library, string[] symbols)
    {
        // Never unloaded: its callbacks and this process live equally long.
        if (!NativeLibrary.TryLoad(library, out nint handle))
        {
            return $"'{library}' cannot be loaded";
        }

        foreach (string symbol in symbols)
        {
            if (!NativeLibrary.TryGetExport(handle, symbol, out _))
            {
                return $"'{library}' has no {symbol}";
            }
        }

        return null;
    }
}
