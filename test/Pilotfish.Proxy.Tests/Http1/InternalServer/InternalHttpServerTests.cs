using System.Text;
using Pilotfish.Proxy.Http1.InternalServer;
using Pilotfish.Runtime.Loops;
using Pilotfish.Runtime.Streams;
using Pilotfish.Testing;

namespace Pilotfish.Proxy.Tests.Http1.InternalServer;

public sealed class InternalHttpServerTests
{
    [Fact]
    public void Get_Query_IsDecodedAndAnswered()
    {
        string answer = Exchange("GET /stats?filter=a%20b&usedonly HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n", (request, response) =>
        {
            response.Write($"{request.Method} {request.Path} [{request.Query("filter")}] [{request.Query("usedonly")}] {request.Query("none") ?? "-"}");
            return ValueTask.CompletedTask;
        });
        Assert.StartsWith("HTTP/1.1 200 OK\r\n", answer);
        Assert.EndsWith("\r\n\r\nGET /stats [a b] [] -", answer);
        Assert.Contains("content-length: 21\r\n", answer);
    }

    [Fact]
    public void Post_SplitAtEveryByte_GivesTheHandlerTheWholeBody()
    {
        string request = "POST /x HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
        for (int split = 1; split < request.Length; split++)
        {
            string answer = Exchange(request, Echo, split);
            Assert.EndsWith("\r\n\r\nabcde", answer);
        }
    }

    [Fact]
    public void PipelinedRequests_AreAnsweredInOrder()
    {
        string answer = Exchange(
            "GET /1 HTTP/1.1\r\nhost: x\r\n\r\nGET /2 HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
            (request, response) =>
            {
                response.Write(request.Path);
                return ValueTask.CompletedTask;
            });
        Assert.True(answer.IndexOf("\r\n\r\n/1", StringComparison.Ordinal) < answer.IndexOf("\r\n\r\n/2", StringComparison.Ordinal));
    }

    [Fact]
    public void LongBody_Flushed_LeavesInChunks()
    {
        string answer = Exchange("GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n", async (_, response) =>
        {
            response.Write("first");
            Assert.True(await response.FlushAsync());
            response.Write("second");
        });
        Assert.Contains("transfer-encoding: chunked\r\n", answer);
        Assert.EndsWith("\r\n\r\n5\r\nfirst\r\n6\r\nsecond\r\n0\r\n\r\n", answer);
    }

    [Fact]
    public void HandlerThrows_Returns500WithTheSentence()
    {
        string answer = Exchange("GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n", (_, _) => throw new InvalidDataException("No such thing."));
        Assert.StartsWith("HTTP/1.1 500 ", answer);
        Assert.EndsWith("No such thing.\n", answer);
    }

    [Fact]
    public void Head_GetsLengthWithoutBody()
    {
        string answer = Exchange("HEAD / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n", Text("hello"));
        Assert.Contains("content-length: 5\r\n", answer);
        Assert.EndsWith("\r\n\r\n", answer);
    }

    [Theory]
    [InlineData("bare line feed", "GET / HTTP/1.1\nhost: x\n\n", "HTTP/1.1 400 ")]
    [InlineData("two lengths", "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab", "HTTP/1.1 400 ")]
    [InlineData("chunked and length", "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", "HTTP/1.1 400 ")]
    [InlineData("body over the limit", "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 99\r\n\r\n0123456789012345678901234567890123456789", "HTTP/1.1 413 ")]
    public void BadRequest_IsRefusedAndClosed(string label, string request, string start)
    {
        string answer = Exchange(request, Text("never"), limits: new InternalServerLimits { BodyBytes = 32 });
        Assert.True(answer.StartsWith(start, StringComparison.Ordinal), $"{label}: {answer}");
        Assert.DoesNotContain("never", answer);
        Assert.Contains("connection: close\r\n", answer);
    }

    [Fact]
    public void SilentClient_IsClosedAtTheDeadline()
    {
        ManualLoopClock clock = new();
        LoopRunner.Run(clock, async loop =>
        {
            InternalHttpServer server = new(loop, Text("x"), new InternalServerLimits { RequestMilliseconds = 1000 });
            (IByteStream client, IByteStream inner) = MemoryStreamPair.Create(loop);
            server.Serve(inner);
            ValueTask<IoResult> receive = client.ReceiveAsync(new byte[16]);
            clock.AdvanceMilliseconds(1100);
            Assert.True((await receive).Bytes == 0);
            Assert.Equal(0, server.ConnectionCount);
        });
    }

    [Fact]
    public void OverTheConnectionLimit_IsClosedAtOnce() => LoopRunner.Run(async loop =>
    {
        InternalHttpServer server = new(loop, Text("x"), new InternalServerLimits { Connections = 1 });
        (IByteStream first, IByteStream firstInner) = MemoryStreamPair.Create(loop);
        (IByteStream second, IByteStream secondInner) = MemoryStreamPair.Create(loop);
        server.Serve(firstInner);
        server.Serve(secondInner);
        Assert.Equal(0, (await second.ReceiveAsync(new byte[16])).Bytes);
        Assert.Equal(1, server.ConnectionCount);
        server.Close();
        Assert.False(first.IsClosed);
    });

    private static Func<InternalRequest, InternalResponse, ValueTask> Text(string text) => (_, response) =>
    {
        response.Write(text);
        return ValueTask.CompletedTask;
    };

    private static ValueTask Echo(InternalRequest request, InternalResponse response)
    {
        response.Write(request.Body.Span);
        return ValueTask.CompletedTask;
    }

    private static string Exchange(
        string request, Func<InternalRequest, InternalResponse, ValueTask> handler, int split = 0, InternalServerLimits? limits = null)
    {
        string answer = "";
        LoopRunner.Run(async loop => answer = await ExchangeAsync(loop, request, handler, split, limits));
        return answer;
    }

    private static async Task<string> ExchangeAsync(
        EventLoop loop, string request, Func<InternalRequest, InternalResponse, ValueTask> handler, int split, InternalServerLimits? limits)
    {
        InternalHttpServer server = new(loop, handler, limits);
        (IByteStream client, IByteStream inner) = MemoryStreamPair.Create(loop);
        server.Serve(inner);
        byte[] bytes = Encoding.ASCII.GetBytes(request);
        Assert.True((await client.SendAsync(bytes.AsMemory(0, split))).IsOk);
        await loop.YieldAsync();
        Assert.True((await client.SendAsync(bytes.AsMemory(split))).IsOk);
        StringBuilder answer = new();
        byte[] buffer = new byte[4096];
        while (true)
        {
            IoResult received = await client.ReceiveAsync(buffer);
            if (!received.IsOk || received.IsEnd)
            {
                break;
            }

            answer.Append(Encoding.Latin1.GetString(buffer, 0, received.Bytes));
        }

        client.Close();
        return answer.ToString();
    }
}
