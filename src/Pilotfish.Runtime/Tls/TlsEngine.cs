namespace Pilotfish.Runtime.Tls;

/// <summary>What stands behind a <see cref="TlsStream"/>.</summary>
public enum TlsEngine : byte
{
    /// <summary>The process's default.</summary>
    Automatic,

    /// <summary>The system's OpenSSL 3, called directly.</summary>
    Libssl,

    /// <summary>.NET's SslStream.</summary>
    SslStream,
}
