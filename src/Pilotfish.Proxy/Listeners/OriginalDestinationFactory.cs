using Pilotfish.Proxy.Config;

namespace Pilotfish.Proxy.Listeners;

internal sealed class OriginalDestinationFactory : IListenerFilterFactory
{
    public IReadOnlyList<string> MessageNames => ["envoy.extensions.filters.listener.original_dst.v3.OriginalDst"];

    public ListenerFilter Compile(in ExtensionConfig config, CompileContext context) => new OriginalDestinationFilter();
}
