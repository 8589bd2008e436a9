namespace Pilotfish.Agent.Identity.Workload;

/// <summary>Who wants the workload's certificate or its roots. Main loop.</summary>
internal interface IIdentityWatcher
{
    /// <summary>There is a first or a new certificate.</summary>
    void OnIdentity();
}
