using Pilotfish.Proxy.Config;

namespace Pilotfish.Proxy.Listeners;

/// <summary>Compiles listener filters.</summary>
public interface IListenerFilterFactory : IExtensionFactory
{
    ListenerFilter Compile(in ExtensionConfig config, CompileContext context);
}
