using System.Runtime.InteropServices;

namespace Pilotfish.Runtime.Interop;

/// <summary>A reference to an SSL_SESSION that a client may resume.</summary>
internal sealed class SslSession : SafeHandle
{
    internal SslSession(nint session)
        : base(0, ownsHandle: true) => SetHandle(session);

    public override bool IsInvalid => handle == 0;

    /// <summary>RFC 8446 appendix C.4: a ticket of TLS 1.3 is used once.</summary>
    internal bool IsSingleUse => LibSsl.SSL_SESSION_get_protocol_version(handle) >= LibSsl.TLS1_3_VERSION;

    internal bool IsResumable => LibSsl.SSL_SESSION_is_resumable(handle) == 1;

    /// <summary>Two references to one session of libssl.</summary>
    internal bool IsSame(SslSession other) => handle == other.handle;

    protected override bool ReleaseHandle()
    {
        // Safety: this object owns one reference; connections that resume hold others.
        LibSsl.SSL_SESSION_free(handle);
        return true;
    }
}
