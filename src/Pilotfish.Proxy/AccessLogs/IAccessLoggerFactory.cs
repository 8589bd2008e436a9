using Pilotfish.Proxy.Config;

namespace Pilotfish.Proxy.AccessLogs;

/// <summary>Category: access loggers.</summary>
internal interface IAccessLoggerFactory : IExtensionFactory
{
    /// <summary>Null for a logger whose config is accepted but that writes nothing yet.</summary>
    AccessLogger? Create(in ExtensionConfig config, AccessLogFiles files);
}
