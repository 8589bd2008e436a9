using Pilotfish.Proxy.Config;

namespace Pilotfish.Proxy.Listeners;

internal sealed class HttpInspectorFactory : IListenerFilterFactory
{
    public IReadOnlyList<string> MessageNames => ["envoy.extensions.filters.listener.http_inspector.v3.HttpInspector"];

    public ListenerFilter Compile(in ExtensionConfig config, CompileContext context) =>
        new HttpInspector(new HttpInspectorStats(context.Stats.Root.Scope("http_inspector")));
}
