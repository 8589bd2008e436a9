using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Http;

namespace Pilotfish.Proxy.Tests.Reasons;

/// <summary>An HTTP filter (google.protobuf.BytesValue) that does what its value says: buffer a body for ever, hold it until its end, or remove what it must not.</summary>
internal sealed class SpoilingFilterFactory : IHttpFilterFactory
{
    public IReadOnlyList<string> MessageNames { get; } = ["google.protobuf.BytesValue"];

    public HttpFilterModel Compile(ExtensionConfig config, HttpFilterContext context) =>
        new Model(config.Parse(Google.Protobuf.WellKnownTypes.BytesValue.Parser).Value.ToStringUtf8());

    private sealed class Model(string does) : HttpFilterModel
    {
        public override HttpFilter Create(HttpStream stream, string name) => new Filter(does);
    }

    private sealed class Filter(string does) : HttpFilter
    {
        public override FilterVerdict OnRequestHeaders(HeaderMap headers, bool end)
        {
            if (does == "remove :path")
            {
                headers.Remove(WellKnownHeader.Path);
            }

            return Buffers("requests", end: false) && !end ? FilterVerdict.Buffer : FilterVerdict.Continue;
        }

        public override FilterVerdict OnRequestData(ReadOnlySpan<byte> data, bool end) =>
            Buffers("requests", end) ? FilterVerdict.Buffer : FilterVerdict.Continue;

        public override FilterVerdict OnResponseHeaders(HeaderMap headers, bool end)
        {
            if (does == "remove :status")
            {
                headers.Remove(WellKnownHeader.Status);
            }

            return Buffers("responses", end: false) && !end && !Stream.IsReplyLocal ? FilterVerdict.Buffer : FilterVerdict.Continue;
        }

        public override FilterVerdict OnResponseData(ReadOnlySpan<byte> data, bool end) =>
            Buffers("responses", end) && !Stream.IsReplyLocal ? FilterVerdict.Buffer : FilterVerdict.Continue;

        // What is held goes on with the end; what is buffered never does.
        private bool Buffers(string what, bool end) => does == "buffer " + what || (!end && does == "hold " + what);
    }
}
