using Xunit;
using System.Text;
using Pilotfish.Proxy.AsyncClient;
using Pilotfish.Proxy.Http;

namespace Pilotfish.Proxy.Tests.AsyncClient;

/// <summary>Writes down what a gRPC call tells.</summary>
internal sealed class RecordingGrpcEvents : IAsyncGrpcEvents, IAsyncGrpcRequestEvents
{
    public List<string> Messages { get; } = [];

    public List<GrpcEnd> Ends { get; } = [];

    public int Heads { get; private set; }

    public int Writable { get; private set; }

    public Action? AfterMessage { get; set; }

    public Action? AfterEnd { get; set; }

    public GrpcEnd End => Assert.Single(Ends);

    public void OnInitialMetadata(HeaderMap headers) => Heads++;

    public void OnMessage(ReadOnlySpan<byte> message)
    {
        Assert.Empty(Ends);
        Messages.Add(Encoding.Latin1.GetString(message));
        AfterMessage?.Invoke();
    }

    public void OnEnd(in GrpcEnd end)
    {
        Ends.Add(end);
        AfterEnd?.Invoke();
    }

    public void OnWritable() => Writable++;

    public void OnResponse(ReadOnlySpan<byte> message) => Messages.Add(Encoding.Latin1.GetString(message));

    public void OnFailure(in GrpcEnd end) => Ends.Add(end);
}
