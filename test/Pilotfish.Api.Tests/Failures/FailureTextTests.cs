using System.Net.Http;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Text.Json;
using Pilotfish.Api.Failures;

namespace Pilotfish.Api.Tests.Failures;

public sealed class FailureTextTests
{
    // The forms in which a runtime without texts prints its messages, as the published sidecar does.
    public static TheoryData<Exception, string> Causes => new()
    {
        { new FileNotFoundException("IO_FileNotFound_FileName, /x"), "no such file" },
        { new DirectoryNotFoundException("IO_PathNotFound_Path, /x"), "no such folder" },
        { new UnauthorizedAccessException("UnauthorizedAccess_IODenied_Path, /x"), "it may not be used, or is a folder" },
        { new IOException("IO_SharingViolation_File, /x", 26), "Text file busy" },
        { new IOException("IO_FileExists_Name, /x", 17), "File exists" },
        { new IOException("Our own sentence."), "Our own sentence" },
        { new IOException("net_io_readfailure, x", new SocketException(104)), "Connection reset by peer" },
        { new HttpRequestException(HttpRequestError.ConnectionError, "x", new SocketException(111)), "Connection refused" },
        { new HttpRequestException(HttpRequestError.ResponseEnded, "net_http_invalid_response"), "the connection ended before the answer was complete" },
        { new HttpRequestException(HttpRequestError.SecureConnectionError, "net_http_ssl_connection_failed", new AuthenticationException("net_auth_SSPI")), "the TLS handshake failed" },
        { new TaskCanceledException("net_http_request_timedout, 1", new TimeoutException()), "no answer in time" },
        { new SocketException((int)SocketError.HostNotFound), "the name has no address" },
        { new CryptographicException("Cryptography_Der_Invalid_Encoding"), "its bytes are damaged, or of another kind" },
        { new FormatException("Format_BadBase64Char"), "its form is wrong" },
        { new UriFormatException("net_uri_BadFormat"), "it is no URL" },
        { new JsonException("ExpectedStartOfPropertyNotFound, } LineNumber: 2 | BytePositionInLine: 3.", null, 2, 3), "it is no JSON at line 3, column 4" },
        { new InvalidOperationException("InvalidOperation_NoValue"), "an error of the kind InvalidOperationException" },
        { new InvalidOperationException("A sentence stays."), "A sentence stays" },
    };

    [Theory]
    [MemberData(nameof(Causes))]
    public void Cause_IsToldInWords(Exception cause, string words)
    {
        Assert.Equal(words, FailureText.Of(cause));
    }

    [Theory]
    [InlineData("IO_FileNotFound_FileName, /some file", true)]
    [InlineData("net_http_client_execution_error", true)]
    [InlineData("ExpectedStartOfPropertyNotFound, a", true)]
    [InlineData("Access denied", false)]
    [InlineData("Denied", false)]
    [InlineData("", false)]
    [InlineData("Connection refused", false)]
    public void NamesOfResources_AreToldFromSentences(string message, bool isName)
    {
        Assert.Equal(isName, FailureText.IsResourceName(message));
    }

    [Fact]
    public void BrokenJson_ReadsTheSameWithoutTheRuntimesTexts()
    {
        JsonException read = Assert.ThrowsAny<JsonException>(() => { JsonDocument.Parse("{\"a\": 1,\n ]").Dispose(); });

        Assert.EndsWith(" at line 2, column 2", FailureText.Of(read), StringComparison.Ordinal);
    }
}
