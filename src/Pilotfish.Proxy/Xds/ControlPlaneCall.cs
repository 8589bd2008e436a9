using Grpc.Core;

namespace Pilotfish.Proxy.Xds;

/// <summary>What one stream is opened with.</summary>
public readonly record struct ControlPlaneCall(CallInvoker Invoker, Metadata Headers);
