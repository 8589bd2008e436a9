using System.Text;
using System.Text.RegularExpressions;
using Pilotfish.Proxy.Http2.Frames;
using Pilotfish.Proxy.Tests.Http;
using Pilotfish.Proxy.Tests.Http2;
using Pilotfish.Runtime.Loops;
using Pilotfish.Runtime.Sockets;
using Pilotfish.Runtime.Streams;

namespace Pilotfish.Proxy.Tests.Fuzz;

/// <summary>
/// A server that reads with the slow readers, answers each whole request with 200 and keeps what it was. It trusts nobody: a byte that it
/// cannot read as the next request's beginning is a failure of the proxy in front of it.
/// </summary>
internal sealed partial class SlowBackend : IDisposable
{
    private const int PrefaceBytes = 24;

    private readonly bool _isHttp2;
    private readonly ListenSocket _listener;
    private readonly List<IByteStream> _streams = [];
    private readonly List<SlowRequest> _requests = [];
    private Exception? _failure;

    public SlowBackend(EventLoop loop, bool isHttp2)
    {
        _isHttp2 = isHttp2;
        _listener = ListenSocket.Listen(loop, TestUpstream.NextAddress());
        _ = AcceptAsync();
    }

    public NetAddress Address => _listener.LocalAddress;

    /// <summary>In the order in which they became whole.</summary>
    /// <exception cref="InvalidOperationException">The proxy wrote what is no request.</exception>
    public IReadOnlyList<SlowRequest> Requests =>
        _failure is null ? _requests : throw new InvalidOperationException("What reached the server is no request.", _failure);

    public void Dispose()
    {
        _listener.Close();
        _streams.ForEach(static stream => stream.Close());
    }

    private async Task AcceptAsync()
    {
        while ((await _listener.AcceptAsync()).Stream is { } stream)
        {
            _streams.Add(stream);
            _ = ServeAsync(stream);
        }
    }

    private async Task ServeAsync(IByteStream stream)
    {
        var bytes = new List<byte>();
        byte[] buffer = new byte[16 * 1024];
        var answered = new HashSet<int>();
        try
        {
            if (_isHttp2)
            {
                await stream.SendAsync(Http2Peer.Frame(FrameType.SETTINGS, 0, 0));
            }

            while (await stream.ReceiveAsync(buffer) is { IsOk: true, IsEnd: false } result)
            {
                bytes.AddRange(buffer.AsSpan(0, result.Bytes));
                byte[] answers = _isHttp2 ? AnswerStreams([.. bytes], answered) : AnswerText(Encoding.Latin1.GetString(bytes.ToArray()), answered);
                if (answers.Length > 0)
                {
                    await stream.SendAsync(answers);
                }
            }
        }
        catch (Exception exception)
        {
            // An assertion; the test reads it when it asks for the requests.
            _failure = exception;
            stream.Close();
        }
    }

    private byte[] AnswerText(string text, HashSet<int> answered)
    {
        List<(SlowRequest Request, int End)> requests = SlowRequest.ReadAll(text);
        string rest = text[(requests.Count == 0 ? 0 : requests[^1].End)..];
        int head = SlowHttp.HeadLength(rest);
        Assert.True(rest.Length == 0 || Beginning().IsMatch(rest), $"'{rest}' begins no request.");
        Assert.True(head >= 0, $"'{rest}' has a bare line feed.");
        Assert.True(head == 0 || SlowHttp.Fields(rest[..head]) is not null, $"'{rest}' has a line that is no field.");
        var answers = new StringBuilder();
        for (int i = answered.Count; i < requests.Count; i++)
        {
            answered.Add(i);
            _requests.Add(requests[i].Request);
            answers.Append("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
        }

        return Encoding.Latin1.GetBytes(answers.ToString());
    }

    private byte[] AnswerStreams(byte[] bytes, HashSet<int> answered)
    {
        var answers = new List<byte>();
        if (bytes.Length < PrefaceBytes)
        {
            return [];
        }

        foreach ((int id, SlowStream one) in SlowHttp2.Read(bytes.AsSpan(PrefaceBytes)).Streams)
        {
            foreach ((string name, string value) in one.Fields ?? [])
            {
                Assert.Matches(FieldName(), name);
                Assert.DoesNotMatch(Forbidden(), value);
                Assert.True(name is not ("connection" or "transfer-encoding" or "keep-alive" or "upgrade" or "proxy-connection" or "host"), name);
                Assert.True(name != "te" || value == "trailers", value);
            }

            if (!one.IsEnded || one.IsReset || !answered.Add(id))
            {
                continue;
            }

            SlowRequest? request = SlowRequest.Of(one);
            Assert.NotNull(request);
            string? length = one.Fields!.Find(static field => field.Name == "content-length").Value;
            Assert.True(length is null || int.Parse(length, null) == request.Body.Length, $"content-length {length}");
            _requests.Add(request);
            answers.AddRange(Http2Peer.Frame(FrameType.HEADERS, FrameFlags.END_HEADERS | FrameFlags.END_STREAM, id, 0x88));
        }

        return [.. answers];
    }

    // A method is any token (RFC 9110 section 9.1), in HTTP/2 of lower case, too.
    [GeneratedRegex(@"\A[A-Za-z0-9!#$%&'*+\-.^_`|~]+( |\z)")]
    private static partial Regex Beginning();

    [GeneratedRegex(@"\A:?[a-z0-9!#$%&'*+\-.^_`|~]+\z")]
    private static partial Regex FieldName();

    [GeneratedRegex(@"[\0\r\n]")]
    private static partial Regex Forbidden();
}
