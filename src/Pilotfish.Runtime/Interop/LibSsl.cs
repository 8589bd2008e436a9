using System.Runtime.InteropServices;

namespace Pilotfish.Runtime.Interop;

/// <summary>libssl's functions as they are (OpenSSL 3, openssl/ssl.h). Callers are the wrappers of this folder.</summary>
internal static unsafe partial class LibSsl
{
    internal const string Name = "libssl.so.3";

    internal const int SSL_ERROR_NONE = 0;
    internal const int SSL_ERROR_SSL = 1;
    internal const int SSL_ERROR_WANT_READ = 2;
    internal const int SSL_ERROR_SYSCALL = 5;
    internal const int SSL_ERROR_ZERO_RETURN = 6;

    internal const int SSL_VERIFY_NONE = 0;
    internal const int SSL_VERIFY_PEER = 1;
    internal const int SSL_VERIFY_FAIL_IF_NO_PEER_CERT = 2;

    internal const int SSL_TLSEXT_ERR_OK = 0;
    internal const int SSL_TLSEXT_ERR_NOACK = 3;

    internal const ulong SSL_OP_NO_TICKET = 1UL << 14;
    internal const ulong SSL_OP_NO_COMPRESSION = 1UL << 17;
    internal const ulong SSL_OP_CIPHER_SERVER_PREFERENCE = 1UL << 22;
    internal const ulong SSL_OP_NO_RENEGOTIATION = 1UL << 30;

    internal const long SSL_MODE_ENABLE_PARTIAL_WRITE = 1;
    internal const long SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER = 2;
    internal const long SSL_MODE_NO_AUTO_CHAIN = 8;
    internal const long SSL_MODE_RELEASE_BUFFERS = 16;

    internal const int SSL_CTRL_MODE = 33;
    internal const int SSL_CTRL_SET_READ_AHEAD = 41;
    internal const int SSL_CTRL_SET_SESS_CACHE_SIZE = 42;
    internal const int SSL_CTRL_SET_SESS_CACHE_MODE = 44;
    internal const int SSL_CTRL_SET_MAX_CERT_LIST = 51;
    internal const int SSL_CTRL_SET_TLSEXT_HOSTNAME = 55;
    internal const int SSL_CTRL_SET_TLSEXT_STATUS_REQ_CB = 63;
    internal const int SSL_CTRL_SET_TLSEXT_STATUS_REQ_OCSP_RESP = 71;
    internal const int SSL_CTRL_CHAIN_CERT = 89;
    internal const int SSL_CTRL_SET_GROUPS_LIST = 92;
    internal const int SSL_CTRL_SET_SIGALGS_LIST = 98;
    internal const int SSL_CTRL_GET_PEER_SIGNATURE_NID = 108;
    internal const int SSL_CTRL_SET_MIN_PROTO_VERSION = 123;
    internal const int SSL_CTRL_SET_MAX_PROTO_VERSION = 124;
    internal const int SSL_CTRL_GET_NEGOTIATED_GROUP = 134;

    internal const long SSL_SESS_CACHE_OFF = 0;
    internal const long SSL_SESS_CACHE_CLIENT = 1;
    internal const long SSL_SESS_CACHE_SERVER = 2;
    internal const long SSL_SESS_CACHE_NO_INTERNAL = 0x300;

    internal const int SSL_SENT_SHUTDOWN = 1;
    internal const int SSL_RECEIVED_SHUTDOWN = 2;

    internal const int TLS1_2_VERSION = 0x0303;
    internal const int TLS1_3_VERSION = 0x0304;

    /// <summary>The library must not tear itself down while threads of this process still run.</summary>
    internal const ulong OPENSSL_INIT_NO_ATEXIT = 0x00080000;

    // Safety: handles are live for the call (their wrappers own them), spans are pinned by the caller, lengths are theirs.
    [LibraryImport(Name)]
    internal static partial int OPENSSL_init_ssl(ulong options, void* settings);

    [LibraryImport(Name)]
    internal static partial nint TLS_server_method();

    [LibraryImport(Name)]
    internal static partial nint TLS_client_method();

    [LibraryImport(Name)]
    internal static partial nint SSL_CTX_new(nint method);

    [LibraryImport(Name)]
    internal static partial void SSL_CTX_free(nint ctx);

    [LibraryImport(Name)]
    internal static partial ulong SSL_CTX_set_options(nint ctx, ulong options);

    [LibraryImport(Name)]
    internal static partial nint SSL_CTX_ctrl(nint ctx, int command, nint number, void* pointer);

    [LibraryImport(Name)]
    internal static partial nint SSL_CTX_callback_ctrl(nint ctx, int command, delegate* unmanaged[Cdecl]<nint, void*, int> callback);

    [LibraryImport(Name)]
    internal static partial void SSL_CTX_set_keylog_callback(nint ctx, delegate* unmanaged[Cdecl]<nint, byte*, void> callback);

    [LibraryImport(Name)]
    internal static partial nint SSL_CTX_set_timeout(nint ctx, nint seconds);

    [LibraryImport(Name)]
    internal static partial int SSL_CTX_set_cipher_list(nint ctx, byte* names);

    [LibraryImport(Name)]
    internal static partial int SSL_CTX_set_ciphersuites(nint ctx, byte* names);

    [LibraryImport(Name)]
    internal static partial int SSL_CTX_use_certificate(nint ctx, nint x509);

    [LibraryImport(Name)]
    internal static partial int SSL_CTX_use_PrivateKey(nint ctx, nint key);

    [LibraryImport(Name)]
    internal static partial int SSL_CTX_check_private_key(nint ctx);

    [LibraryImport(Name)]
    internal static partial int SSL_CTX_add_client_CA(nint ctx, nint x509);

    [LibraryImport(Name)]
    internal static partial void SSL_CTX_set_verify(nint ctx, int mode, void* callback);

    [LibraryImport(Name)]
    internal static partial void SSL_CTX_set_cert_verify_callback(
        nint ctx, delegate* unmanaged[Cdecl]<nint, void*, int> callback, void* argument);

    [LibraryImport(Name)]
    internal static partial void SSL_CTX_set_alpn_select_cb(
        nint ctx, delegate* unmanaged[Cdecl]<nint, byte**, byte*, byte*, uint, void*, int> callback, void* argument);

    [LibraryImport(Name)]
    internal static partial void SSL_CTX_sess_set_new_cb(nint ctx, delegate* unmanaged[Cdecl]<nint, nint, int> callback);

    [LibraryImport(Name)]
    internal static partial int SSL_CTX_set_session_id_context(nint ctx, byte* id, uint length);

    [LibraryImport(Name)]
    internal static partial int SSL_CTX_set_tlsext_ticket_key_evp_cb(
        nint ctx, delegate* unmanaged[Cdecl]<nint, byte*, byte*, nint, nint, int, int> callback);

    [LibraryImport(Name)]
    internal static partial int SSL_CTX_set_num_tickets(nint ctx, nuint count);

    [LibraryImport(Name)]
    internal static partial nint SSL_new(nint ctx);

    [LibraryImport(Name)]
    internal static partial void SSL_free(nint ssl);

    [LibraryImport(Name)]
    internal static partial void SSL_set_bio(nint ssl, nint reading, nint writing);

    [LibraryImport(Name)]
    [SuppressGCTransition]
    internal static partial nint SSL_get_rbio(nint ssl);

    [LibraryImport(Name)]
    internal static partial void SSL_set_accept_state(nint ssl);

    [LibraryImport(Name)]
    internal static partial void SSL_set_connect_state(nint ssl);

    [LibraryImport(Name)]
    internal static partial void SSL_set_verify(nint ssl, int mode, void* callback);

    [LibraryImport(Name)]
    internal static partial int SSL_do_handshake(nint ssl);

    [LibraryImport(Name)]
    internal static partial int SSL_read(nint ssl, byte* buffer, int length);

    [LibraryImport(Name)]
    internal static partial int SSL_write(nint ssl, byte* buffer, int length);

    [LibraryImport(Name)]
    internal static partial int SSL_shutdown(nint ssl);

    [LibraryImport(Name)]
    internal static partial int SSL_key_update(nint ssl, int kind);

    [LibraryImport(Name)]
    internal static partial int SSL_get_error(nint ssl, int result);

    [LibraryImport(Name)]
    [SuppressGCTransition]
    internal static partial int SSL_has_pending(nint ssl);

    [LibraryImport(Name)]
    internal static partial void SSL_set_shutdown(nint ssl, int mode);

    [LibraryImport(Name)]
    internal static partial nint SSL_ctrl(nint ssl, int command, nint number, void* pointer);

    [LibraryImport(Name)]
    internal static partial int SSL_set_alpn_protos(nint ssl, byte* protocols, uint length);

    [LibraryImport(Name)]
    internal static partial void SSL_get0_alpn_selected(nint ssl, byte** protocol, uint* length);

    [LibraryImport(Name)]
    internal static partial int SSL_version(nint ssl);

    [LibraryImport(Name)]
    internal static partial nint SSL_get_current_cipher(nint ssl);

    [LibraryImport(Name)]
    internal static partial byte* SSL_CIPHER_standard_name(nint cipher);

    [LibraryImport(Name)]
    internal static partial byte* OPENSSL_cipher_name(byte* standardName);

    [LibraryImport(Name)]
    internal static partial int SSL_session_reused(nint ssl);

    [LibraryImport(Name)]
    internal static partial int SSL_set_session(nint ssl, nint session);

    [LibraryImport(Name)]
    internal static partial nint SSL_get1_session(nint ssl);

    [LibraryImport(Name)]
    internal static partial nint SSL_get_session(nint ssl);

    [LibraryImport(Name)]
    internal static partial CULong SSL_SESSION_get_ticket_lifetime_hint(nint session);

    [LibraryImport(Name)]
    internal static partial byte* SSL_SESSION_get_id(nint session, uint* length);

    [LibraryImport(Name)]
    internal static partial int SSL_get_peer_signature_type_nid(nint ssl, int* nid);

    [LibraryImport(Name)]
    internal static partial int SSL_renegotiate(nint ssl);

    [LibraryImport(Name)]
    internal static partial void SSL_SESSION_free(nint session);

    [LibraryImport(Name)]
    internal static partial int SSL_SESSION_is_resumable(nint session);

    [LibraryImport(Name)]
    internal static partial int SSL_SESSION_get_protocol_version(nint session);

    [LibraryImport(Name)]
    internal static partial nint SSL_get0_peer_certificate(nint ssl);

    [LibraryImport(Name)]
    internal static partial nint SSL_get_peer_cert_chain(nint ssl);

    [LibraryImport(Name)]
    internal static partial int SSL_get_ex_data_X509_STORE_CTX_idx();
}
