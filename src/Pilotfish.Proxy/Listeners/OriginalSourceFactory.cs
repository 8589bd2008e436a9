using Envoy.Extensions.Filters.Listener.OriginalSrc.V3;
using Pilotfish.Proxy.Config;

namespace Pilotfish.Proxy.Listeners;

internal sealed class OriginalSourceFactory : IListenerFilterFactory
{
    public IReadOnlyList<string> MessageNames => ["envoy.extensions.filters.listener.original_src.v3.OriginalSrc"];

    public ListenerFilter Compile(in ExtensionConfig config, CompileContext context)
    {
        OriginalSrc message = config.Parse(OriginalSrc.Parser);
        return new OriginalSourceFilter(message.BindPort, (int)message.Mark);
    }
}
