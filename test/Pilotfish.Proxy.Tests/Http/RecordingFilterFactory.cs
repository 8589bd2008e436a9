using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Streams;

namespace Pilotfish.Proxy.Tests.Http;

/// <summary>A filter that notes how each request ended.</summary>
internal sealed class RecordingFilterFactory(List<RecordedStream> records) : IHttpFilterFactory
{
    public IReadOnlyList<string> MessageNames { get; } = ["google.protobuf.Empty"];

    public HttpFilterModel Compile(ExtensionConfig config, HttpFilterContext context) => new Model(records);

    private sealed class Model(List<RecordedStream> records) : HttpFilterModel
    {
        public override HttpFilter Create(HttpStream stream, string name) => new Recorder(records);
    }

    private sealed class Recorder(List<RecordedStream> records) : HttpFilter
    {
        public override void OnEnd(StreamInfo info) => records.Add(new RecordedStream(info.ResponseCode, info.Details ?? "",
            info.Flags.ToString(), info.Upstream.AttemptCount, info.BytesReceived, info.BytesSent));
    }
}
