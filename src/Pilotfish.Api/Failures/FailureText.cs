using System.Net.Http;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace Pilotfish.Api.Failures;

/// <summary>
/// Why something failed, in words of our own and of the operating system: a phrase without a full stop. The published sidecar carries no
/// texts of the runtime (UseSystemResourceKeys): an exception's own message is there the name of a resource, such as
/// "IO_FileNotFound_FileName", and must not reach a log or a user. Any thread.
/// </summary>
public static class FailureText
{
    // The kernel's error numbers end at 4095 (include/linux/err.h); HResults of the runtime are negative.
    private const int ErrnoMax = 4095;

    /// <summary>Of any exception that a file, a socket, a peer or a text can cause.</summary>
    public static string Of(Exception cause) => cause switch
    {
        FileNotFoundException => "no such file",
        DirectoryNotFoundException => "no such folder",
        PathTooLongException => "its name is too long",

        // .NET says the same of a folder that is opened as a file.
        UnauthorizedAccessException => "it may not be used, or is a folder",
        SocketException socket => OfSocket(socket),
        HttpRequestException { InnerException: { } inner } => Of(inner),
        HttpRequestException { StatusCode: { } status } => $"the answer is {(int)status}",
        HttpRequestException http => OfHttp(http.HttpRequestError),
        HttpIOException http => OfHttp(http.HttpRequestError),
        TimeoutException or OperationCanceledException => "no answer in time",
        AuthenticationException { InnerException: { } inner } => $"the TLS handshake failed: {Of(inner)}",
        AuthenticationException => "the TLS handshake failed",
        JsonException json => OfJson(json),
        RegexParseException regex => $"{Words(regex.Error.ToString())} at offset {regex.Offset}",
        UriFormatException => "it is no URL",
        IOException { HResult: > 0 and <= ErrnoMax } => OfErrno(cause.HResult),
        IOException { InnerException: { } inner } => Of(inner),
        _ => IsResourceName(cause.Message) ? OfKind(cause) : cause.Message.TrimEnd('.'),
    };

    /// <summary>The system's text for an error number, such as "Connection refused".</summary>
    public static string OfErrno(int errno) => Marshal.GetPInvokeErrorMessage(errno);

    // Internal for testing.
    /// <summary>Whether a message is the name of a resource, with or without its arguments: "net_http_client_execution_error, a, b".</summary>
    internal static bool IsResourceName(string message)
    {
        int end = message.IndexOf(", ", StringComparison.Ordinal);
        ReadOnlySpan<char> first = end < 0 ? message : message.AsSpan(0, end);
        bool isName = first.Length > 0 && char.IsAsciiLetter(first[0]);
        bool isCompound = false;
        for (int i = 0; i < first.Length && isName; i++)
        {
            isName = char.IsAsciiLetterOrDigit(first[i]) || first[i] == '_';
            isCompound |= i > 0 && (first[i] == '_' || (char.IsAsciiLetterUpper(first[i]) && char.IsAsciiLetterLower(first[i - 1])));
        }

        return isName && isCompound;
    }

    private static string OfSocket(SocketException socket) => socket.SocketErrorCode switch
    {
        SocketError.HostNotFound or SocketError.NoData => "the name has no address",
        SocketError.TryAgain => "the name servers give no answer",
        _ when socket.NativeErrorCode is > 0 and <= ErrnoMax => OfErrno(socket.NativeErrorCode),
        _ => Words(socket.SocketErrorCode.ToString()),
    };

    private static string OfHttp(HttpRequestError error) => error switch
    {
        HttpRequestError.NameResolutionError => "the name has no address",
        HttpRequestError.ConnectionError => "the connection failed",
        HttpRequestError.SecureConnectionError => "the TLS handshake failed",
        HttpRequestError.ResponseEnded => "the connection ended before the answer was complete",
        HttpRequestError.InvalidResponse => "the answer is no HTTP",
        HttpRequestError.ConfigurationLimitExceeded => "the answer is too large",
        _ => "the request failed",
    };

    private static string OfJson(JsonException json)
    {
        // The place is counted from 0, and it is part of the runtime's own sentence.
        string place = json.LineNumber is { } line ? $" at line {line + 1}, column {(json.BytePositionInLine ?? 0) + 1}" : string.Empty;
        int at = json.Message.IndexOf(" LineNumber:", StringComparison.Ordinal);
        string reason = at < 0 ? json.Message : json.Message[..at];
        return IsResourceName(reason) ? $"it is no JSON{place}" : $"{reason.TrimEnd('.')}{place}";
    }

    private static string OfKind(Exception cause) => cause switch
    {
        { InnerException: { } inner } => Of(inner),
        CryptographicException => "its bytes are damaged, or of another kind",
        FormatException => "its form is wrong",
        _ => $"an error of the kind {cause.GetType().Name}",
    };

    /// <summary>"ConnectionRefused" as "connection refused".</summary>
    private static string Words(string name)
    {
        var text = new System.Text.StringBuilder(name.Length + 8);
        for (int i = 0; i < name.Length; i++)
        {
            if (i > 0 && char.IsAsciiLetterUpper(name[i]) && char.IsAsciiLetterLower(name[i - 1]))
            {
                text.Append(' ');
            }

            text.Append(char.ToLowerInvariant(name[i]));
        }

        return text.ToString();
    }
}
