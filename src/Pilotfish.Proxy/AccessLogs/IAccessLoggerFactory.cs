using Pilotfish.Proxy.Config;

namespace Pilotfish.Proxy.AccessLogs;

/// <summary>Category: access loggers.</summary>
internal interface IAccessLoggerFactory : IExtensionFactory
{
    AccessLogger Create(in ExtensionConfig config, CompileContext context);
}
