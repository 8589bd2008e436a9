using Pilotfish.Proxy.Config;
using ProtoTlsInspector = Envoy.Extensions.Filters.Listener.TlsInspector.V3.TlsInspector;

namespace Pilotfish.Proxy.Listeners;

internal sealed class TlsInspectorFactory : IListenerFilterFactory
{
    public IReadOnlyList<string> MessageNames => ["envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector"];

    public ListenerFilter Compile(in ExtensionConfig config, CompileContext context) => new TlsInspector(
        new TlsInspectorStats(context.Stats.Root.Scope("tls_inspector")),
        TlsInspectorOptions.Compile(config.Parse(ProtoTlsInspector.Parser), config.Field));
}
