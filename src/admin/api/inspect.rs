//! `GET /api/admin/ebay/tokens/{account}/inspect`: an account looked at from inside, without the network.

use std::sync::Arc;

use axum::{Json, extract::State};

use super::{
    extract::{Params, Segment},
    lookup::{Narrow, find_account},
    press::no_token,
};
use crate::{
    admin::{auth::authenticator::SignedIn, lead::Lead, problem::Problem},
    crypto::Keyring,
    domain::account::Role,
    refresh::{self, Inspection},
    store::Store,
};

pub(in crate::admin) async fn get(
    user: SignedIn,
    State(store): State<Store>,
    State(keyring): State<Arc<Keyring>>,
    State(Lead(lead)): State<Lead>,
    Segment(account): Segment,
    Params(narrow): Params<Narrow>,
) -> Result<Json<Inspection>, Problem> {
    let account = find_account(&store, &user, &account, &narrow).await?;
    user.require(Role::Operator, account.subject.org_id)?;
    refresh::inspect(&store, &keyring, &account, lead).await?.map(Json).ok_or_else(no_token)
}
