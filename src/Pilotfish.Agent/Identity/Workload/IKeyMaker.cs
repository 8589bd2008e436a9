namespace Pilotfish.Agent.Identity.Workload;

/// <summary>Makes keys without holding up the main loop.</summary>
internal interface IKeyMaker
{
    /// <summary>Calls back on the main loop, maybe before this returns: a key, or why there is none as a phrase.</summary>
    void Make(Action<CertificateKey?, string> made);
}
