namespace Pilotfish.Runtime.Tls;

/// <summary>Why a ClientHello is answered with an alert at once.</summary>
/// <param name="Alert">The alert's number (RFC 8446 section 6). SslStream sends one of its own.</param>
/// <param name="Text">One clause.</param>
public sealed record TlsHelloRefusal(byte Alert, string Text)
{
    /// <summary>handshake_failure.</summary>
    public const byte HandshakeFailure = 40;

    /// <summary>unrecognized_name.</summary>
    public const byte UnrecognizedName = 112;
}
