using System.Runtime.InteropServices;

namespace Pilotfish.Runtime.Interop;

/// <summary>libcrypto's functions as they are (OpenSSL 3: bio.h, err.h, x509.h). Callers are the wrappers of this folder.</summary>
internal static unsafe partial class LibCrypto
{
    internal const string Name = "libcrypto.so.3";

    internal const int BIO_FLAGS_READ = 1;
    internal const int BIO_FLAGS_SHOULD_RETRY = 8;
    internal const int BIO_TYPE_SOURCE_SINK = 0x0400;
    internal const int BIO_CTRL_FLUSH = 11;

    // Safety: handles are live for the call (their wrappers own them), spans are pinned by the caller, lengths are theirs.
    [LibraryImport(Name)]
    internal static partial int BIO_get_new_index();

    [LibraryImport(Name)]
    internal static partial nint BIO_meth_new(int type, byte* name);

    [LibraryImport(Name)]
    internal static partial int BIO_meth_set_read_ex(nint method, delegate* unmanaged[Cdecl]<nint, byte*, nuint, nuint*, int> read);

    [LibraryImport(Name)]
    internal static partial int BIO_meth_set_write_ex(nint method, delegate* unmanaged[Cdecl]<nint, byte*, nuint, nuint*, int> write);

    [LibraryImport(Name)]
    internal static partial int BIO_meth_set_ctrl(nint method, delegate* unmanaged[Cdecl]<nint, int, nint, void*, nint> control);

    [LibraryImport(Name)]
    internal static partial nint BIO_new(nint method);

    [LibraryImport(Name)]
    internal static partial void BIO_set_data(nint bio, nint data);

    [LibraryImport(Name)]
    [SuppressGCTransition]
    internal static partial nint BIO_get_data(nint bio);

    [LibraryImport(Name)]
    [SuppressGCTransition]
    internal static partial void BIO_set_flags(nint bio, int flags);

    [LibraryImport(Name)]
    [SuppressGCTransition]
    internal static partial void BIO_clear_flags(nint bio, int flags);

    [LibraryImport(Name)]
    internal static partial nint X509_STORE_CTX_get0_cert(nint context);

    [LibraryImport(Name)]
    internal static partial nint X509_STORE_CTX_get0_untrusted(nint context);

    [LibraryImport(Name)]
    internal static partial nint X509_STORE_CTX_get_ex_data(nint context, int index);

    [LibraryImport(Name)]
    internal static partial void X509_STORE_CTX_set_error(nint context, int error);

    [LibraryImport(Name)]
    internal static partial int OPENSSL_sk_num(nint stack);

    [LibraryImport(Name)]
    internal static partial nint OPENSSL_sk_value(nint stack, int index);

    [LibraryImport(Name)]
    internal static partial int i2d_X509(nint x509, byte** output);

    [LibraryImport(Name)]
    internal static partial nint d2i_X509(nint reuse, byte** input, nint length);

    [LibraryImport(Name)]
    internal static partial void X509_free(nint x509);

    [LibraryImport(Name)]
    internal static partial nint d2i_AutoPrivateKey(nint reuse, byte** input, nint length);

    [LibraryImport(Name)]
    internal static partial void* CRYPTO_malloc(nuint bytes, byte* file, int line);

    [LibraryImport(Name)]
    internal static partial nint EVP_aes_256_cbc();

    [LibraryImport(Name)]
    internal static partial int EVP_EncryptInit_ex(nint context, nint cipher, nint engine, byte* key, byte* iv);

    [LibraryImport(Name)]
    internal static partial int EVP_DecryptInit_ex(nint context, nint cipher, nint engine, byte* key, byte* iv);

    [LibraryImport(Name)]
    internal static partial int EVP_MAC_CTX_set_params(nint context, void* parameters);

    [LibraryImport(Name)]
    internal static partial void EVP_PKEY_free(nint key);

    [LibraryImport(Name)]
    [SuppressGCTransition]
    internal static partial ulong ERR_peek_error();

    [LibraryImport(Name)]
    internal static partial ulong ERR_get_error();

    [LibraryImport(Name)]
    internal static partial void ERR_clear_error();

    [LibraryImport(Name)]
    internal static partial byte* ERR_reason_error_string(ulong code);
}
