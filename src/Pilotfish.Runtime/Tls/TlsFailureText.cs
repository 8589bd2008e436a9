using System.Globalization;
using Pilotfish.Runtime.Interop;
using Pilotfish.Runtime.Streams;

namespace Pilotfish.Runtime.Tls;

/// <summary>
/// Failures in the form of Envoy's transport failure reasons, `TLS_error:|CODE:SSL routines:OPENSSL_internal:REASON:TLS_error_end`,
/// with BoringSSL's numbers where the reason has one there (boringssl include/openssl/ssl.h, source/common/tls/ssl_socket.cc).
/// </summary>
internal static class TlsFailureText
{
    internal const int CertificateVerifyFailed = 125;
    internal const int EncryptedLengthTooLong = 146;
    internal const int ExcessiveMessageSize = 150;
    internal const int HttpRequest = 156;
    internal const int NoSharedCipher = 184;
    internal const int PeerDidNotReturnACertificate = 192;
    internal const int UnexpectedMessage = 223;
    internal const int WrongVersionNumber = 247;
    internal const int KeyUsageBitIncorrect = 302;
    internal const string ClosedText = "remote closed the connection during the TLS handshake";

    internal const string NoCertificateClause = "peer did not provide required client certificate";

    private const int OpenSslPeerDidNotReturnACertificate = 199;

    /// <summary>Library 16 (SSL) in the upper byte of a packed BoringSSL error.</summary>
    private const long SslLibrary = 16L << 24;

    /// <summary>Library 2 (system) with the errno of a reset connection.</summary>
    private const string ResetText = "TLS_error:|33554536:system library:OPENSSL_internal:Connection reset by peer:TLS_error_end";

    // Alerts are 1000 + their number in both libraries.
    private static readonly Dictionary<int, string> s_names = new()
    {
        [CertificateVerifyFailed] = "CERTIFICATE_VERIFY_FAILED",
        [EncryptedLengthTooLong] = "ENCRYPTED_LENGTH_TOO_LONG",
        [ExcessiveMessageSize] = "EXCESSIVE_MESSAGE_SIZE",
        [HttpRequest] = "HTTP_REQUEST",
        [NoSharedCipher] = "NO_SHARED_CIPHER",
        [PeerDidNotReturnACertificate] = "PEER_DID_NOT_RETURN_A_CERTIFICATE",
        [UnexpectedMessage] = "UNEXPECTED_MESSAGE",
        [240] = "UNSUPPORTED_PROTOCOL",
        [WrongVersionNumber] = "WRONG_VERSION_NUMBER",
        [253] = "NO_COMMON_SIGNATURE_ALGORITHMS",
        [266] = "NO_SHARED_GROUP",
        [KeyUsageBitIncorrect] = "KEY_USAGE_BIT_INCORRECT",
        [1010] = "SSLV3_ALERT_UNEXPECTED_MESSAGE",
        [1020] = "SSLV3_ALERT_BAD_RECORD_MAC",
        [1021] = "TLSV1_ALERT_DECRYPTION_FAILED",
        [1022] = "TLSV1_ALERT_RECORD_OVERFLOW",
        [1040] = "SSLV3_ALERT_HANDSHAKE_FAILURE",
        [1042] = "SSLV3_ALERT_BAD_CERTIFICATE",
        [1043] = "SSLV3_ALERT_UNSUPPORTED_CERTIFICATE",
        [1044] = "SSLV3_ALERT_CERTIFICATE_REVOKED",
        [1045] = "SSLV3_ALERT_CERTIFICATE_EXPIRED",
        [1046] = "SSLV3_ALERT_CERTIFICATE_UNKNOWN",
        [1047] = "SSLV3_ALERT_ILLEGAL_PARAMETER",
        [1048] = "TLSV1_ALERT_UNKNOWN_CA",
        [1049] = "TLSV1_ALERT_ACCESS_DENIED",
        [1050] = "TLSV1_ALERT_DECODE_ERROR",
        [1051] = "TLSV1_ALERT_DECRYPT_ERROR",
        [1070] = "TLSV1_ALERT_PROTOCOL_VERSION",
        [1071] = "TLSV1_ALERT_INSUFFICIENT_SECURITY",
        [1080] = "TLSV1_ALERT_INTERNAL_ERROR",
        [1086] = "TLSV1_ALERT_INAPPROPRIATE_FALLBACK",
        [1090] = "TLSV1_ALERT_USER_CANCELLED",
        [1100] = "TLSV1_ALERT_NO_RENEGOTIATION",
        [1109] = "TLSV1_ALERT_MISSING_EXTENSION",
        [1110] = "TLSV1_ALERT_UNSUPPORTED_EXTENSION",
        [1112] = "TLSV1_ALERT_UNRECOGNIZED_NAME",
        [1114] = "TLSV1_ALERT_BAD_CERTIFICATE_HASH_VALUE",
        [1115] = "TLSV1_ALERT_UNKNOWN_PSK_IDENTITY",
        [1116] = "TLSV1_ALERT_CERTIFICATE_REQUIRED",
        [1120] = "TLSV1_ALERT_NO_APPLICATION_PROTOCOL",
    };

    // OpenSSL's number of a reason (include/openssl/sslerr.h) to BoringSSL's.
    private static readonly Dictionary<int, int> s_fromOpenSsl = new()
    {
        [134] = CertificateVerifyFailed,
        [156] = HttpRequest,
        [152] = ExcessiveMessageSize,
        [150] = EncryptedLengthTooLong,
        [193] = NoSharedCipher,
        [199] = PeerDidNotReturnACertificate,
        [244] = UnexpectedMessage,
        [258] = 240,
        [267] = WrongVersionNumber,
        [118] = 253,
        [101] = 266,
    };

    internal static string Of(int reason, string? detail = null)
    {
        string text = $"{SslLibrary + reason}:SSL routines:OPENSSL_internal:{s_names[reason]}";
        return detail is null ? $"TLS_error:|{text}:TLS_error_end" : $"TLS_error:|{text}:{detail}:TLS_error_end";
    }

    internal static string Of(in TlsRefusal refusal) => refusal.Kind == TlsFailureKind.NoPeerCertificate
        ? Of(PeerDidNotReturnACertificate, refusal.Text)
        : Of(CertificateVerifyFailed, refusal.Text);

    internal static string Of(IoError transport) =>
        transport is IoError.ConnectionReset or IoError.BrokenPipe ? ResetText : transport.Describe();

    internal static string Of(OpenSslError error, out TlsFailureKind kind)
    {
        kind = TlsFailureKind.Transport;
        if (error.Code == 0)
        {
            return ClosedText;
        }

        string text = OfOpenSsl((long)error.Code, Name(error.Text), ref kind);
        if ((int)(error.Code & 0x7FFFFF) != OpenSslPeerDidNotReturnACertificate)
        {
            return text;
        }

        kind = TlsFailureKind.NoPeerCertificate;
        return Of(PeerDidNotReturnACertificate, NoCertificateClause);
    }

    /// <summary>What bytes that do not begin a handshake are: plaintext HTTP, an alert, noise.</summary>
    internal static string OfForeign(ReadOnlySpan<byte> received)
    {
        const byte Alert = 21;
        const int AlertRecordBytes = 7;
        return IsHttp(received) ? Of(HttpRequest)
            : received.Length >= AlertRecordBytes && received[0] == Alert && received[1] == 3
                ? s_names.ContainsKey(1000 + received[6]) ? Of(1000 + received[6]) : Of(UnexpectedMessage)
            : Of(WrongVersionNumber);
    }

    /// <param name="exception">What SslStream threw.</param>
    /// <param name="received">The first bytes of the peer, when they are at hand: they tell HTTP from noise.</param>
    /// <param name="kind">What to count.</param>
    internal static string Of(Exception exception, ReadOnlySpan<byte> received, out TlsFailureKind kind)
    {
        kind = TlsFailureKind.Transport;
        for (Exception? at = exception; at is not null; at = at.InnerException)
        {
            if (at is ByteStreamException transport)
            {
                return Of(transport.Error);
            }
        }

        for (Exception? at = exception; at is not null; at = at.InnerException)
        {
            if (TryCode(at.Message, out long code, out string name))
            {
                return OfOpenSsl(code, name, ref kind);
            }
        }

        if (exception is IOException && exception.InnerException is null && !IsForeign(received))
        {
            return ClosedText;
        }

        // SslStream itself refuses bytes that are no records, without asking OpenSSL.
        kind = TlsFailureKind.Protocol;
        return Of(IsHttp(received) ? HttpRequest : WrongVersionNumber);
    }

    /// <summary>Bytes that begin neither a TLS handshake nor an alert.</summary>
    private static bool IsForeign(ReadOnlySpan<byte> received) =>
        !received.IsEmpty && (received[0] is not (21 or 22) || (received.Length > 1 && received[1] != 3));

    private static bool IsHttp(ReadOnlySpan<byte> received) => received.StartsWith("GET "u8) || received.StartsWith("POST "u8)
        || received.StartsWith("HEAD "u8) || received.StartsWith("PUT "u8);

    private static string OfOpenSsl(long code, string name, ref TlsFailureKind kind)
    {
        const int UnexpectedEnd = 294;
        int reason = (int)(code & 0x7FFFFF);
        if (reason == UnexpectedEnd)
        {
            return ClosedText;
        }

        kind = TlsFailureKind.Protocol;
        int known = s_fromOpenSsl.GetValueOrDefault(reason, reason);
        return s_names.ContainsKey(known) && (known >= 1000 || s_fromOpenSsl.ContainsKey(reason))
            ? Of(known)
            : $"TLS_error:|{code}:SSL routines:OPENSSL_internal:{name}:TLS_error_end";
    }

    // OpenSSL writes "error:0A000410:SSL routines::ssl/tls alert handshake failure".
    private static bool TryCode(string message, out long code, out string name)
    {
        const string Prefix = "error:";
        code = 0;
        name = "";
        int at = message.IndexOf(Prefix, StringComparison.Ordinal);
        if (at < 0 || message.Length < at + Prefix.Length + 8
            || !long.TryParse(message.AsSpan(at + Prefix.Length, 8), NumberStyles.HexNumber, CultureInfo.InvariantCulture, out code))
        {
            return false;
        }

        name = Name(message[(message.LastIndexOf(':') + 1)..]);
        return true;
    }

    private static string Name(string reason) => reason.Replace(' ', '_').Replace('/', '_').ToUpperInvariant();
}
