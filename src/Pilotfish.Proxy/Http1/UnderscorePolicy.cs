namespace Pilotfish.Proxy.Http1;

/// <summary>What to do with header names that contain '_', which some backends confuse with '-'.</summary>
public enum UnderscorePolicy : byte
{
    Allow,
    RejectRequest,
    DropHeader,
}
