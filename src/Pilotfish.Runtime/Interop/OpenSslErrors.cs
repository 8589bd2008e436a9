using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace Pilotfish.Runtime.Interop;

/// <summary>This thread's queue of OpenSSL errors (openssl/err.h).</summary>
internal static unsafe class OpenSslErrors
{
    /// <summary>A call's own errors can only be told from others' when the queue was empty before it. Costs a look when it is.</summary>
    internal static void Clear()
    {
        if (LibCrypto.ERR_peek_error() != 0)
        {
            LibCrypto.ERR_clear_error();
        }
    }

    /// <summary>The oldest error, which caused the others, with its text; then the queue is empty. Code 0: there was none.</summary>
    internal static OpenSslError Take()
    {
        ulong code = LibCrypto.ERR_get_error();
        if (code == 0)
        {
            return default;
        }

        // Safety: a static string of the library, or null.
        string? text = Marshal.PtrToStringUTF8((nint)LibCrypto.ERR_reason_error_string(code));
        Clear();
        return new OpenSslError(code, text ?? "");
    }

    internal static CryptographicException ToException(string what)
    {
        OpenSslError error = Take();
        return new CryptographicException(error.Code == 0 ? what : $"{what}: {error.Text}");
    }
}
