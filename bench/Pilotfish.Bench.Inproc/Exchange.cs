using System.Diagnostics;
using System.Text;
using Pilotfish.Runtime.Streams;

namespace Pilotfish.Bench.Inproc;

/// <summary>Both ends of the traffic: a client that asks again and again, a backend that answers with 1 KB.</summary>
internal static class Exchange
{
    /// <summary>Room for one message: with more, the buffers of the pipes would cost more than what is measured.</summary>
    public const int PipeBytes = 4096;

    private const int BodyBytes = 1024;

    // A browser's ten headers, as the peers' load sends them.
    private static readonly byte[] s_request = Request(0);

    private static readonly byte[] s_response = Encoding.ASCII.GetBytes(
        "HTTP/1.1 200 OK\r\nServer: nginx/1.26.3\r\nDate: Thu, 26 Nov 2026 10:00:00 GMT\r\nContent-Type: text/html\r\n" +
        $"Content-Length: {BodyBytes}\r\nConnection: keep-alive\r\n\r\n" + new string('x', BodyBytes));

    /// <summary>A browser's request with some more headers of 24 bytes each.</summary>
    public static byte[] Request(int otherHeaders) => Encoding.ASCII.GetBytes(
        "GET /index.html HTTP/1.1\r\nHost: service-0.example.com\r\n" +
        "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36\r\n" +
        "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8\r\n" +
        "Accept-Encoding: gzip, deflate, br, zstd\r\nAccept-Language: en-GB,en;q=0.9,de;q=0.7\r\nCache-Control: max-age=0\r\n" +
        "Cookie: session=0f2b8c54a1d94e7c9a6c; theme=dark; consent=1\r\nSec-Fetch-Dest: document\r\nSec-Fetch-Mode: navigate\r\n" +
        "Sec-Fetch-Site: same-origin\r\nUpgrade-Insecure-Requests: 1\r\n" +
        string.Concat(Enumerable.Range(0, otherHeaders).Select(static i => $"x-other-{i:D4}: value-{i:D4}\r\n")) + "\r\n");

    public static async void Serve(IByteStream stream)
    {
        byte[] buffer = new byte[8192];
        int got = 0;
        while (true)
        {
            IoResult result = await stream.ReceiveAsync(buffer.AsMemory(got));
            if (!result.IsOk || result.IsEnd)
            {
                stream.Close();
                return;
            }

            got += result.Bytes;
            if (buffer.AsSpan(0, got).EndsWith("\r\n\r\n"u8))
            {
                got = 0;
                await stream.SendAsync(s_response);
            }
        }
    }

    /// <param name="stream">To the proxy, or to the backend itself.</param>
    /// <param name="buffer">Room for an answer.</param>
    /// <param name="requests">How many, one after another.</param>
    /// <param name="times">Gets each one's time in ticks of the stopwatch, or null.</param>
    /// <param name="request">What is asked; a browser's request when null.</param>
    public static async Task AskAsync(IByteStream stream, byte[] buffer, int requests, long[]? times = null, byte[]? request = null)
    {
        request ??= s_request;
        for (int i = 0; i < requests; i++)
        {
            long start = times is null ? 0 : Stopwatch.GetTimestamp();
            await stream.SendAsync(request);
            int got = 0;
            do
            {
                IoResult result = await stream.ReceiveAsync(buffer.AsMemory(got));
                if (!result.IsOk || result.IsEnd)
                {
                    throw new InvalidOperationException("The proxy closed a keep-alive connection.");
                }

                got += result.Bytes;
            }
            while (got < BodyBytes || !buffer.AsSpan(0, got).EndsWith("xxxx"u8));

            if (times is not null)
            {
                times[i] = Stopwatch.GetTimestamp() - start;
            }
        }
    }
}
