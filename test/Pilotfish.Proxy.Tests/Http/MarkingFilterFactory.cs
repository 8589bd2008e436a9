using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Http;

namespace Pilotfish.Proxy.Tests.Http;

/// <summary>A filter that adds <c>x-seen: 1</c> to every response head that it is shown.</summary>
internal sealed class MarkingFilterFactory : IHttpFilterFactory
{
    public IReadOnlyList<string> MessageNames { get; } = ["google.protobuf.BoolValue"];

    public HttpFilterModel Compile(ExtensionConfig config, HttpFilterContext context) => new Model();

    private sealed class Model : HttpFilterModel
    {
        public override HttpFilter Create(HttpStream stream, string name) => new Marker();
    }

    private sealed class Marker : HttpFilter
    {
        public override FilterVerdict OnResponseHeaders(HeaderMap headers, bool end)
        {
            headers.Add("x-seen"u8, "1"u8);
            return FilterVerdict.Continue;
        }
    }
}
